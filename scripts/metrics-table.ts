import { agentMetrics } from '../agent/observability/metrics.ts';
import { cloudMetrics } from '../cloud-sync/control-plane/observability/metrics.ts';
import type { MetricDefinitions } from '../lib/metrics/metric.ts';
import { prometheusName } from '../lib/metrics/prometheus-text.ts';

/** docs/observability.md with its tables as the code has them: each stands between two comments that name it. */
export function withMetricsTables(page: string): string {
  return [
    { name: 'agent', definitions: agentMetrics },
    { name: 'cloud', definitions: cloudMetrics },
  ].reduce((text, { name, definitions }) => {
    const [begin, end] = [`<!-- metrics of the ${name} -->`, `<!-- end of the metrics of the ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from === -1 || to < from) throw new Error(`docs/observability.md has no place for ${begin}`);
    return `${text.slice(0, from + begin.length)}\n\n${tableOf(definitions)}\n${text.slice(to)}`;
  }, page);
}

function tableOf(definitions: MetricDefinitions): string {
  const rows = Object.entries(definitions).map(([name, { kind, unit, description, attributes = [] }]) => {
    const prometheus = prometheusName({ name, unit, kind });
    const keys = attributes.map((key) => `\`${key}\``).join(' ');
    return `| \`${name}\` | \`${prometheus}\` | ${kind} | \`${unit}\` | ${keys} | ${description} |\n`;
  });
  const head = '| metric | in Prometheus | kind | unit | attributes | |\n|---|---|---|---|---|---|\n';
  return `${head}${rows.join('')}`;
}
