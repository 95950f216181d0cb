import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalBroker } from './local-broker.ts';

type Message = Parameters<LocalBroker['publish']>[0];

/** Messages on their way to local subscribers; beyond them whoever publishes waits for the slow listeners. */
const maxPending = 1000;

/**
 * Hands messages that are committed already to the local subscribers, in order. Resolves at once as long as the listeners
 * keep up; never rejects, for nothing durable depends on it.
 */
export function createDelivery(
  broker: Pick<LocalBroker, 'publish'>,
  logger: Logger,
): (messages: readonly Message[]) => Promise<void> {
  let pending = 0;
  return async (messages) => {
    for (const message of messages) {
      pending++;
      const delivered = broker
        .publish(message)
        .catch((error: unknown) => logger.warn('mqtt.delivery.failed', { error: errorMessage(error) }))
        .finally(() => pending--);
      if (pending >= maxPending) await delivered;
    }
  };
}
