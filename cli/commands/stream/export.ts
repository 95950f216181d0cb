import { Option, type Command } from 'commander';
import type { RecordLine } from '../../../agent/control/stream-protocol.ts';
import { examples, parseName, parseTopicFilter } from '../../options.ts';
import { streamOutput } from '../../output-file.ts';
import { Progress } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { connect, findStream } from './find-stream.ts';
import { firstAt, lastUpTo, parsePosition, type Position } from './position.ts';
import { exportedOf, formats } from './record-text.ts';
import { drained } from '../../write-out.ts';

type Options = {
  readonly format: keyof typeof formats;
  readonly from?: Position;
  readonly until?: Position;
  readonly topic?: string;
  readonly output?: string;
};

/** Text gathered before it is written. */
const chunkChars = 2 ** 16;

export function registerExport(streams: Command, surroundings: Surroundings): void {
  streams
    .command('export')
    .description('Write the messages of a stream as JSON lines or CSV, to stdout or a file.')
    .argument('<stream>', 'Its name in the manifest.', parseName)
    .addOption(new Option('--format <format>', 'The format.').choices(['jsonl', 'csv']).default('jsonl'))
    .option('--from <position>', 'The first: an offset, a time, or -1h for an hour ago.', parsePosition)
    .option('--until <position>', 'The last: an offset, or a time, before which it was.', parsePosition)
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter.', parseTopicFilter)
    .option('-o, --output <file>', 'This file, which is there whole or not at all.')
    .addHelpText(
      'after',
      examples(
        'holdfast stream export weather --format csv -o weather.csv',
        'holdfast stream export weather --from 2026-05-01 --until 2026-06-01 | gzip > may.jsonl.gz',
      ),
    )
    .action(action(surroundings, exportStream));
}

async function exportStream(run: Run, options: Options, name: string): Promise<void> {
  const { from = { kind: 'oldest' }, until, topic, output } = options;
  await using agent = await connect(run);
  const stream = await findStream(run, agent, name);
  const asked = { agent, stream, signal: run.signal };
  const range = { from: await firstAt(from, asked), until: await lastUpTo(until, asked) };
  const records = agent.streams.records(name, { ...range, topic }, run.signal);
  const count = { records: 0 };
  const counted = withProgress(run, records, {
    ...{ ...range, count },
    enabled: output !== undefined || !run.io.stdout.isTTY,
  });
  const text = textOf(counted, options.format);
  if (output === undefined) {
    for await (const chunk of text) {
      run.io.stdout.write(chunk);
      await drained(run);
    }
    run.signal.throwIfAborted();
    return;
  }
  await streamOutput(output, text, run);
  run.out.note(
    `Exported ${count.records} ${count.records === 1 ? 'record' : 'records'} of ${name} to ${output}.`,
  );
}

async function* withProgress(
  { io, globals }: Run,
  records: AsyncIterable<RecordLine>,
  {
    from,
    until,
    count,
    enabled,
  }: {
    readonly from: number;
    readonly until: number;
    /** Counts along. */
    readonly count: { records: number };
    readonly enabled: boolean;
  },
): AsyncGenerator<RecordLine> {
  using progress = new Progress(io, { label: 'Exporting', enabled: enabled && !globals.json });
  for await (const record of records) {
    count.records++;
    yield record;
    progress.count(record.seq - from + 1, until - from + 1);
  }
}

async function* textOf(
  records: AsyncIterable<RecordLine>,
  format: keyof typeof formats,
): AsyncGenerator<string> {
  const { head, line } = formats[format];
  let chunk = head;
  for await (const record of records) {
    chunk += line(exportedOf(record));
    if (chunk.length < chunkChars) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
