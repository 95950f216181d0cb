import type { LogLine } from '../agent/control/protocol.ts';
import type { StoredMessage } from '../cloud-sync/protocol/api.ts';
import { observabilityTopics, readLogEvent, type ObservedLog } from '../cloud-sync/protocol/observability.ts';

/** Which messages of the stream `observability` are lines of the log. */
export const logTopics = 'log/#';

const speakers = [
  { topics: observabilityTopics.functionLog(''), event: 'function.log' },
  { topics: observabilityTopics.appLog(''), event: 'app.log' },
] as const;

/**
 * What a device relayed of its log, as `holdfast logs` prints it on the device itself; undefined for what is no line of a
 * log. Lines that did not get to the cloud come as one `observability.gap`.
 */
export function deviceLogLine({ time, topic, payload, gap }: StoredMessage): LogLine | undefined {
  if (gap) return { time, level: 'warn', event: 'observability.gap', count: gap.count, reason: gap.reason };
  const log = readLogEvent(Buffer.from(payload ?? '', 'base64'));
  if (!log || topic === null) return undefined;
  const said = speakers.find(({ topics }) => topic.startsWith(topics));
  const head = { time: log.time, level: log.severity.toLowerCase() };
  const fields = fieldsOf(log.attributes);
  return said
    ? { ...fields, ...head, event: said.event, message: log.body }
    : { ...fields, ...head, event: log.body };
}

const namesOfOpenTelemetry: Readonly<Record<string, string>> = {
  'error.type': 'code',
  'error.message': 'error',
};

function fieldsOf(attributes: ObservedLog['attributes']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      namesOfOpenTelemetry[name] ?? name.replace(/^holdfast\./, ''),
      value,
    ]),
  );
}
