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
  const done = (): void => {
    pending--;
  };
  const failed = (error: unknown): void => {
    pending--;
    logger.warn('mqtt.delivery.failed', { error: errorMessage(error) });
  };
  return async (messages) => {
    for (const message of messages) {
      pending++;
      const delivered = broker.publish(message).then(done, failed);
      if (pending >= maxPending) await delivered;
    }
  };
}
