import type { StoredMessage } from '../../protocol/api.ts';
import {
  observabilityTopics,
  readLogEvent,
  readMetricsEvent,
  type ObservedLog,
} from '../../protocol/observability.ts';
import type { LogItem } from './otlp-logs.ts';
import type { MetricsItem } from './otlp-metrics.ts';

export type Items = {
  readonly logs: readonly LogItem[];
  readonly metrics: readonly MetricsItem[];
  /** Messages that are neither: from an agent that speaks otherwise. */
  readonly unreadable: number;
};

/** Stored messages of the stream `observability` as log records and snapshots. */
export async function itemsOf(
  messages: readonly StoredMessage[],
  tenantOf: (device: string) => Promise<string>,
): Promise<Items> {
  const logs: LogItem[] = [];
  const metrics: MetricsItem[] = [];
  let unreadable = 0;
  for (const message of messages) {
    const { device, received, topic } = message;
    const origin = { device, tenant: await tenantOf(device) };
    const payload = Buffer.from(message.payload ?? '', 'base64');
    if (message.gap) {
      logs.push({ origin, received, topic: observabilityTopics.agentLog, log: gapLog(message, message.gap) });
      continue;
    }
    const snapshot = topic === observabilityTopics.metrics ? readMetricsEvent(payload) : undefined;
    const log = snapshot ? undefined : readLogEvent(payload);
    if (snapshot) metrics.push({ origin, metrics: snapshot });
    else if (log && topic !== null) logs.push({ origin, received, topic, log });
    else unreadable += 1;
  }
  return { logs, metrics, unreadable };
}

/** What was lost on the way is told like everything else. */
function gapLog(
  { time }: Pick<StoredMessage, 'time'>,
  { count, reason }: NonNullable<StoredMessage['gap']>,
): ObservedLog {
  const attributes = { 'holdfast.gap.count': count, 'holdfast.gap.reason': reason };
  return { time, severity: 'WARN', body: 'observability.gap', attributes };
}
