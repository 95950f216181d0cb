import type { ObservedMetrics } from '../../protocol/observability.ts';
import { keyValues, resourceOf, unixNano, type Origin } from './otlp-value.ts';

export type MetricsItem = { readonly origin: Origin; readonly metrics: ObservedMetrics };

type Observed = ObservedMetrics['metrics'][string];
type Times = { readonly startTimeUnixNano: string; readonly timeUnixNano: string };

/** AGGREGATION_TEMPORALITY_CUMULATIVE: counters count since the start of the agent. */
const cumulative = 2;

/** An ExportMetricsServiceRequest; one resource a device, the points of several snapshots of a metric together. */
export function metricsRequest(items: readonly MetricsItem[]) {
  const byDevice = Map.groupBy(items, ({ origin }) => `${origin.tenant} ${origin.device}`);
  return {
    resourceMetrics: [...byDevice.values()].flatMap((ofDevice) => {
      const [first] = ofDevice;
      if (!first) return [];
      const metrics = metricsOf(ofDevice.map(({ metrics }) => metrics));
      return [
        {
          resource: resourceOf(first.origin),
          scopeMetrics: [{ scope: { name: 'holdfast.agent' }, metrics }],
        },
      ];
    }),
  };
}

/** How many points there are in it. */
export function pointCount(items: readonly MetricsItem[]): number {
  return items
    .flatMap(({ metrics }) => Object.values(metrics.metrics))
    .reduce((sum, { points }) => sum + points.length, 0);
}

function metricsOf(snapshots: readonly ObservedMetrics[]) {
  const all = snapshots.flatMap(({ time, start, metrics }) => {
    const times = { startTimeUnixNano: unixNano(start), timeUnixNano: unixNano(time) };
    return Object.entries(metrics).map(([name, observed]) => ({ name, observed, times }));
  });
  // A newer agent may measure by another unit.
  const same = Map.groupBy(all, ({ name, observed: { kind, unit } }) => `${name} ${kind} ${unit}`);
  return [...same.values()].flatMap((entries) => {
    const [first] = entries;
    if (!first) return [];
    const dataPoints = entries.flatMap(({ observed, times }) => pointsOf(observed, times));
    return [{ name: first.name, unit: first.observed.unit, ...dataOf(first.observed.kind, dataPoints) }];
  });
}

function dataOf(kind: Observed['kind'], dataPoints: readonly object[]) {
  switch (kind) {
    case 'counter':
      return { sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true } };
    case 'gauge':
      return { gauge: { dataPoints } };
    case 'histogram':
      return { histogram: { dataPoints, aggregationTemporality: cumulative } };
    default:
      return kind satisfies never;
  }
}

function pointsOf(observed: Observed, times: Times): object[] {
  if (observed.kind !== 'histogram')
    return observed.points.map(({ attributes, value }) => ({
      ...{ attributes: keyValues(attributes), ...times },
      asDouble: value,
    }));
  return observed.points.map(({ attributes, count, sum, buckets }) => ({
    ...{ attributes: keyValues(attributes), ...times },
    ...{ count: String(count), sum, bucketCounts: buckets.map(String), explicitBounds: observed.bounds },
  }));
}
