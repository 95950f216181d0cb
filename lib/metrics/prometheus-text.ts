import type { Attributes, Metric } from './metric.ts';

/** Of the text exposition format. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

const unitSuffixes: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/**
 * Metrics in the text exposition format 0.0.4 of Prometheus, their names made from those of OpenTelemetry by its rules:
 * `holdfast.stream.size` in `By` is `holdfast_stream_size_bytes`, a counter ends in `_total`, a ratio in `_ratio`.
 */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics.map(formatMetric).join('');
}

/** The name that a metric has in Prometheus. */
export function prometheusName({ name, unit, kind }: Pick<Metric, 'name' | 'unit' | 'kind'>): string {
  const ratio = unit === '1' && kind === 'gauge' ? '_ratio' : '';
  const suffix = unitSuffixes[unit] ?? ratio;
  const base = name.replaceAll(/[^a-zA-Z0-9_:]/g, '_');
  const whole = base.endsWith(suffix) ? base : base + suffix;
  return kind === 'counter' ? `${whole}_total` : whole;
}

function formatMetric(metric: Metric): string {
  const name = prometheusName(metric);
  const help = metric.description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const head = `# HELP ${name} ${help}\n# TYPE ${name} ${metric.kind}\n`;
  if (metric.kind !== 'histogram')
    return head + metric.points.map(({ attributes, value }) => sample(name, attributes, value)).join('');
  const points = metric.points.map(({ attributes, count, sum, buckets }) => {
    let below = 0;
    const rows = metric.bounds.map((bound, index) => {
      below += buckets[index] ?? 0;
      return sample(`${name}_bucket`, { ...attributes, le: String(bound) }, below);
    });
    return [
      ...rows,
      sample(`${name}_bucket`, { ...attributes, le: '+Inf' }, count),
      sample(`${name}_sum`, attributes, sum),
      sample(`${name}_count`, attributes, count),
    ].join('');
  });
  return head + points.join('');
}

function sample(name: string, attributes: Attributes, value: number): string {
  const labels = Object.entries(attributes).map(
    ([key, text]) => `${key.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escapeLabel(text)}"`,
  );
  return `${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
