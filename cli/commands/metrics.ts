import type { Command } from 'commander';
import type { AgentMetrics } from '../../agent/control/protocol.ts';
import { agentRoot } from '../context.ts';
import { examples } from '../options.ts';
import { formatBytes } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatTable } from '../table.ts';

type Metric = AgentMetrics['metrics'][number];

export function registerMetrics(program: Command, surroundings: Surroundings): void {
  program
    .command('metrics')
    .description('Print what the agent measures, as it is now.')
    .argument('[prefix]', 'Only metrics whose names begin with it, such as holdfast.stream.')
    .addHelpText('after', examples('holdfast metrics', 'holdfast metrics holdfast.stream --json'))
    .action(action(surroundings, metrics));
}

async function metrics(run: Run, _options: object, prefix = ''): Promise<void> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const all = await agent.metrics(run.signal);
  const chosen = all.metrics.filter(({ name }) => name.startsWith(prefix));
  run.out.result({ metrics: chosen }, () =>
    chosen.length === 0
      ? `Nothing that begins with ${prefix} was measured yet.`
      : formatTable(['METRIC', 'OF', 'VALUE'], chosen.flatMap(rowsOf)),
  );
}

function rowsOf(metric: Metric): string[][] {
  const { name, unit } = metric;
  if (metric.kind === 'histogram')
    return metric.points.map(({ attributes, count, sum }) => [
      name,
      formatAttributes(attributes),
      `${count}, mean ${formatValue(count === 0 ? 0 : sum / count, unit)}`,
    ]);
  return metric.points.map(({ attributes, value }) => [
    name,
    formatAttributes(attributes),
    formatValue(value, unit),
  ]);
}

function formatAttributes(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

function formatValue(value: number, unit: string): string {
  if (unit === 'By') return formatBytes(value);
  const text = Number.isInteger(value) ? String(value) : value.toPrecision(3);
  return unit === 's' ? `${text} s` : text;
}
