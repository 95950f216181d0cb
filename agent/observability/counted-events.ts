import type { LogEvent } from '../../lib/logger.ts';
import type { AgentMeter } from './metrics.ts';

/** What is logged once each time that it happens, and so is counted where it is logged. */
const counted: Readonly<Record<string, (meter: AgentMeter, event: LogEvent) => void>> = {
  'mqtt.connect.refused': (meter, { reason }) =>
    meter.add('holdfast.mqtt.connections.refused', { reason: textOf(reason) }),
  'mqtt.messages.dropped': (meter, { messages }) =>
    meter.add('holdfast.mqtt.messages.dropped', { reason: 'stalled' }, Number(messages)),
  'mqtt.publish.denied': (meter) => meter.add('holdfast.mqtt.messages.refused', { reason: 'denied' }),
  'mqtt.session.dropped': (meter, { messages }) =>
    meter.add('holdfast.mqtt.messages.dropped', { reason: 'session' }, Number(messages)),
  'bridge.connected': (meter, { bridge }) =>
    meter.add('holdfast.bridge.connections', { bridge: textOf(bridge) }),
  'function.failed': (meter, { function: name }) =>
    meter.add('holdfast.function.retries', { function: textOf(name) }),
  'function.deadLetter': (meter, { function: name }) =>
    meter.add('holdfast.function.buried', { function: textOf(name) }),
  'shadow.rejected': (meter, { shadow }) => meter.add('holdfast.shadow.rejected', { shadow: textOf(shadow) }),
};

/** Counts what a line of the log says, whatever its level. */
export function countEvent(meter: AgentMeter, event: LogEvent): void {
  if (Object.hasOwn(counted, event.event)) counted[event.event]?.(meter, event);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
