import type { Command } from 'commander';
import type { Stream } from '../../../agent/control/stream-protocol.ts';
import { examples } from '../../options.ts';
import { formatBytes } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { formatTable } from '../../table.ts';
import { connect } from './find-stream.ts';

export function registerList(streams: Command, surroundings: Surroundings): void {
  streams
    .command('ls')
    .alias('list')
    .description('List the streams of this device: what they hold, who reads them and how far.')
    .addHelpText('after', examples('holdfast stream ls', 'holdfast stream ls --json'))
    .action(action(surroundings, list));
}

async function list(run: Run): Promise<void> {
  await using agent = await connect(run);
  const listed = await agent.streams.list(run.signal);
  run.out.result(listed, () => format(listed.streams));
}

function format(streams: readonly Stream[]): string {
  if (streams.length === 0)
    return 'No streams yet. Add them to the manifest and deploy: holdfast deploy FILE';
  const rows = streams.map(({ name, messages, bytes, first, last, oldest, newest, backlog, ...readers }) => [
    ...[name, String(messages), formatBytes(bytes)],
    first === null ? '-' : `${first}–${last}`,
    ...[oldest ?? '-', newest ?? '-'],
    backlog === null ? '-' : String(backlog),
    readersText(name, readers),
  ]);
  const head = ['STREAM', 'MESSAGES', 'BYTES', 'OFFSETS', 'OLDEST', 'NEWEST', 'BACKLOG', 'CONSUMERS (LAG)'];
  return formatTable(head, rows);
}

function readersText(name: string, { removed, consumers }: Pick<Stream, 'removed' | 'consumers'>): string {
  if (removed === null) return 'no manifest is followed yet: holdfast logs';
  return removed ? `not in the manifest: holdfast stream rm ${name}` : consumers.map(consumerText).join(', ');
}

function consumerText({ name, lag, missed }: Stream['consumers'][number]): string {
  return `${name} (${lag}${missed === null || missed === 0 ? '' : `, ${missed} missed`})`;
}
