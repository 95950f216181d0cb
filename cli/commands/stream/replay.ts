import { InvalidArgumentError, type Command } from 'commander';
import type { ControlClient } from '../../../agent/control/client.ts';
import type { ReplayRequest, Stream } from '../../../agent/control/stream-protocol.ts';
import { CliError } from '../../errors.ts';
import { examples, parseName, parseTopicFilter, parseTopicPrefix } from '../../options.ts';
import { Progress } from '../../progress.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { connect, findStream, sayNothing } from './find-stream.ts';
import { firstAt, lastUpTo, parsePosition, type Position } from './position.ts';
import { exportedOf, readable } from './record-text.ts';
import { drained } from '../../write-out.ts';

type Options = {
  readonly from: Position;
  readonly until?: Position;
  readonly topic?: string;
  readonly consumer?: string;
  readonly function?: string;
  readonly publish?: string;
  readonly rate?: number;
};

type Range = { readonly from: number; readonly until: number; readonly topic: string | undefined };
type Work = { readonly agent: ControlClient; readonly stream: Stream; readonly range: Range };

export function registerReplay(streams: Command, surroundings: Surroundings): void {
  streams
    .command('replay')
    .description('Give messages of a stream again: print them, or to a consumer, a function, the broker.')
    .argument('<stream>', 'Its name in the manifest.', parseName)
    .requiredOption(
      '--from <position>',
      'The first: an offset, a time, -1h for an hour ago, oldest, newest.',
      parsePosition,
    )
    .option('--until <position>', 'The last: an offset, or a time, before which it was.', parsePosition)
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter.', parseTopicFilter)
    .option('--consumer <name>', 'Put this consumer back, or forward, to there.', parseName)
    .option('--function <name>', 'Queue them for this function, as its queue has room.', parseName)
    .option(
      '--publish <prefix>',
      'Publish them on the local broker, with this in front of their topics.',
      parseTopicPrefix,
    )
    .option('--rate <rate>', 'At most so many, such as 100/s; with --publish.', parseRate)
    .addHelpText(
      'after',
      examples(
        'holdfast stream replay weather --from -1h',
        'holdfast stream replay weather --from 2026-05-01 --function weather-summary',
        'holdfast stream replay weather --from 120 --consumer reports',
        'holdfast stream replay weather --from oldest --publish again/ --rate 50/s',
      ),
    )
    .action(action(surroundings, replay));
}

async function replay(run: Run, options: Options, name: string): Promise<void> {
  check(options);
  await using agent = await connect(run);
  const stream = await findStream(run, agent, name);
  const asked = { agent, stream, signal: run.signal };
  const { topic } = options;
  const from = await firstAt(options.from, asked);
  const range = { from, until: await lastUpTo(options.until, asked), topic };
  const work = { agent, stream, range };
  if (options.consumer !== undefined) await place(run, work, options.consumer);
  else if (options.function !== undefined)
    await give(run, work, { ...range, function: options.function }, `to ${options.function}`);
  else if (options.publish !== undefined)
    await give(
      run,
      work,
      { ...range, publish: options.publish, ...(options.rate !== undefined && { rate: options.rate }) },
      `below ${options.publish}`,
    );
  else await print(run, work);
}

function check({ consumer, function: name, publish, rate, until, topic }: Options): void {
  if ([consumer, name, publish].filter((one) => one !== undefined).length > 1)
    throw new CliError('usage', 'Give one of --consumer, --function and --publish.');
  if (rate !== undefined && publish === undefined)
    throw new CliError('usage', 'Give --rate together with --publish PREFIX.');
  if (consumer !== undefined && (until !== undefined || topic !== undefined))
    throw new CliError('usage', 'A consumer goes on from there by itself: leave out --until and --topic.');
}

async function print(run: Run, { agent, stream, range }: Work): Promise<void> {
  let isEmpty = true;
  for await (const line of agent.streams.records(stream.name, range, run.signal)) {
    isEmpty = false;
    const record = exportedOf(line);
    run.out.item(record, () => readable(record));
    await drained(run);
  }
  run.signal.throwIfAborted();
  if (isEmpty) sayNothing(run, stream);
}

async function place(run: Run, { agent, stream, range }: Work, consumer: string): Promise<void> {
  const present = stream.consumers.find(({ name }) => name === consumer);
  const before = present?.seq ?? 0;
  const seq = Math.min(range.from - 1, stream.last);
  // The agent says what is wrong with a name that is none of them.
  if (present)
    run.out.note(
      `Consumer ${consumer} of ${stream.name}: next offset ${before + 1} → ${seq + 1}${seq > before ? `; it skips ${seq - before}` : ''}.`,
    );
  const now = await agent.streams.seek(stream.name, consumer, seq, run.signal);
  run.out.result({ stream: stream.name, consumer, from: before, to: now }, () => 'Done.');
}

async function give(
  run: Run,
  { agent, stream, range }: Work,
  request: ReplayRequest,
  where: string,
): Promise<void> {
  const { from, until } = range;
  if (until < from) {
    run.out.result({ stream: stream.name, done: 0, skipped: 0, until }, () => 'There is nothing to replay.');
    return;
  }
  run.out.note(`Replaying ${stream.name} ${from}–${until} ${where}.`);
  let last = { seq: from - 1, done: 0, skipped: 0 };
  {
    using progress = new Progress(run.io, { label: 'Replaying', enabled: !run.out.json });
    for await (last of agent.streams.replay(stream.name, request, run.signal))
      progress.count(last.seq - from + 1, until - from + 1);
  }
  if (run.signal.aborted || last.seq < until)
    throw new CliError('interrupted', `Stopped behind offset ${last.seq}; ${last.done} were replayed.`, {
      hint: `Go on with --from ${last.seq + 1}. A few behind it may have gone already.`,
    });
  const { done, skipped } = last;
  run.out.result({ stream: stream.name, done, skipped, until }, () =>
    skipped === 0 ? `Replayed ${done}.` : `Replayed ${done}; ${skipped} could not be.`,
  );
}

function parseRate(text: string): number {
  const [, count] = /^([1-9][0-9]{0,5})\/s$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Give a whole number a second, such as 100/s.');
  return Number(count);
}
