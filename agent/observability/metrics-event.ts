import type { ObservedMetrics } from '../../cloud-sync/protocol/observability.ts';
import type { Metric } from '../../lib/metrics/metric.ts';

type Snapshot = { readonly time: Date; readonly start: Date; readonly metrics: readonly Metric[] };

/** A snapshot as an event of the stream. Descriptions stay here: they are in the documentation, not in every minute. */
export function metricsEventOf({ time, start, metrics }: Snapshot): ObservedMetrics {
  return {
    time: time.toISOString(),
    start: start.toISOString(),
    metrics: Object.fromEntries(metrics.map((metric) => [metric.name, entryOf(metric)])),
  };
}

function entryOf(metric: Metric): ObservedMetrics['metrics'][string] {
  const { unit } = metric;
  if (metric.kind !== 'histogram')
    return {
      ...{ kind: metric.kind, unit },
      points: metric.points.map(({ attributes, value }) => ({ attributes, value: rounded(value) })),
    };
  return {
    ...{ kind: metric.kind, unit, bounds: [...metric.bounds] },
    points: metric.points.map(({ attributes, count, sum, buckets }) => ({
      ...{ attributes, count, sum: rounded(sum), buckets: [...buckets] },
    })),
  };
}

/** A microsecond is exact enough, and shorter. */
function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
