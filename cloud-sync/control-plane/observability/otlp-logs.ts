import type { ObservedLog, Severity } from '../../protocol/observability.ts';
import { anyValue, keyValues, resourceOf, unixNano, type Origin } from './otlp-value.ts';

export type LogItem = {
  readonly origin: Origin;
  readonly topic: string;
  /** When the cloud got it. */
  readonly received: string;
  readonly log: ObservedLog;
};

const severityNumbers: Readonly<Record<Severity, number>> = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 };
const scopes = [
  { topics: 'log/functions/', name: 'holdfast.function' },
  { topics: 'log/apps/', name: 'holdfast.app' },
] as const;

/** An ExportLogsServiceRequest; one resource a device. */
export function logsRequest(items: readonly LogItem[]) {
  const byDevice = Map.groupBy(items, ({ origin }) => `${origin.tenant} ${origin.device}`);
  return {
    resourceLogs: [...byDevice.values()].flatMap((ofDevice) => {
      const [first] = ofDevice;
      if (!first) return [];
      const byScope = Map.groupBy(ofDevice, ({ topic }) => scopeOf(topic));
      const scopeLogs = [...byScope].map(([name, items]) => ({
        scope: { name },
        logRecords: items.map(recordOf),
      }));
      return [{ resource: resourceOf(first.origin), scopeLogs }];
    }),
  };
}

function scopeOf(topic: string): string {
  return scopes.find(({ topics }) => topic.startsWith(topics))?.name ?? 'holdfast.agent';
}

function recordOf({ topic, received, log }: LogItem) {
  const { time, severity, body, attributes } = log;
  return {
    timeUnixNano: unixNano(time),
    observedTimeUnixNano: unixNano(received),
    severityNumber: severityNumbers[severity],
    severityText: severity,
    body: anyValue(body),
    attributes: keyValues(attributes),
    // What the agent says are events with names; a function or an app says what it likes.
    ...(scopeOf(topic) === 'holdfast.agent' && { eventName: body }),
  };
}
