import { errorCode } from '../../lib/error-code.ts';
import type { AgentMeter } from './metrics.ts';

type Broker = {
  readonly clientCount: number;
  sessionStatus(): readonly { readonly connected: boolean; readonly messages: number }[];
};

/** How the local broker is at each snapshot. Returns how to stop. */
export function measureBroker(meter: AgentMeter, broker: Broker): () => void {
  return meter.observe((report) => {
    const away = broker.sessionStatus().filter(({ connected }) => !connected);
    const waiting = away.reduce((sum, { messages }) => sum + messages, 0);
    report('holdfast.mqtt.clients', broker.clientCount, {});
    report('holdfast.mqtt.sessions', away.length, {});
    report('holdfast.mqtt.sessions.messages', waiting, {});
  });
}

/** What takes the messages of clients, with what became of each counted. */
export function measureAccept<Args extends unknown[]>(
  accept: (...args: Args) => Promise<void>,
  meter: AgentMeter,
): (...args: Args) => Promise<void> {
  const received = (): void => meter.add('holdfast.mqtt.messages.received', {});
  const refused = (error: unknown): never => {
    meter.add('holdfast.mqtt.messages.refused', { reason: errorCode(error) ?? 'error' });
    throw error;
  };
  return (...args) => accept(...args).then(received, refused);
}
