import type { Command } from 'commander';
import type { ControlClient } from '../../../agent/control/client.ts';
import { CliError } from '../../errors.ts';
import { examples, parseCount, parseName, parseTopicFilter } from '../../options.ts';
import { action, type Run, type Surroundings } from '../../run.ts';
import { connect, findStream, sayNothing } from './find-stream.ts';
import { exportedOf, readable } from './record-text.ts';
import { drained } from '../../write-out.ts';

type Options = {
  readonly lines?: number;
  readonly follow?: boolean;
  readonly topic?: string;
  readonly consumer?: string;
  readonly commit?: boolean;
};

const defaultLines = 10;
/** A cursor is moved after so many records, and at latest after so long. */
const commitRecords = 100;
const commitEveryMs = 1000;

export function registerTail(streams: Command, surroundings: Surroundings): void {
  streams
    .command('tail')
    .description('Print the newest messages of a stream; with --json a line each.')
    .argument('<stream>', 'Its name in the manifest.', parseName)
    .option('-n, --lines <count>', `How many (default: ${defaultLines}; with --consumer all).`, parseCount)
    .option('-f, --follow', 'Keep printing new ones until Ctrl-C.')
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter.', parseTopicFilter)
    .option('--consumer <name>', 'Begin where this consumer of the stream is.', parseName)
    .option('--commit', "Move the consumer's cursor behind what was printed.")
    .addHelpText(
      'after',
      examples(
        'holdfast stream tail weather -f',
        'holdfast stream tail weather -n 100 --topic "site/+/wind"',
        'holdfast stream tail weather --consumer reports --commit --json | ./report',
      ),
    )
    .action(action(surroundings, tail));
}

async function tail(run: Run, options: Options, name: string): Promise<void> {
  const { lines, follow = false, topic, consumer, commit = false } = options;
  if (commit && consumer === undefined)
    throw new CliError('usage', 'Give --commit together with --consumer NAME.');
  await using agent = await connect(run);
  const stream = await findStream(run, agent, name);
  const start = consumer === undefined ? { tail: lines ?? defaultLines } : { consumer, limit: lines };
  await using cursor = commit && consumer !== undefined ? new Cursor(agent, name, consumer) : undefined;
  let isEmpty = true;
  for await (const line of agent.streams.records(name, { ...start, follow, topic }, run.signal)) {
    const record = exportedOf(line);
    run.out.item(record, () => readable(record));
    await drained(run);
    isEmpty = false;
    await cursor?.reach(record.seq);
  }
  if (follow) return;
  run.signal.throwIfAborted();
  if (isEmpty && lines !== 0 && consumer === undefined) sayNothing(run, stream);
}

/** Moves a consumer behind what was printed: now and then, and at the end. */
class Cursor implements AsyncDisposable {
  readonly #agent: ControlClient;
  readonly #stream: string;
  readonly #consumer: string;
  readonly #timer: NodeJS.Timeout;
  #seq = 0;
  #committed = 0;
  #since = 0;
  #failure: unknown;

  constructor(agent: ControlClient, stream: string, consumer: string) {
    this.#agent = agent;
    this.#stream = stream;
    this.#consumer = consumer;
    this.#timer = setInterval(() => {
      this.#commit().catch((error: unknown) => (this.#failure = error));
    }, commitEveryMs);
  }

  async reach(seq: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure as Error;
    this.#seq = seq;
    if (++this.#since >= commitRecords) await this.#commit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#commit();
  }

  async #commit(): Promise<void> {
    if (this.#seq === this.#committed) return;
    const seq = this.#seq;
    this.#since = 0;
    await this.#agent.streams.advance(this.#stream, this.#consumer, seq);
    this.#committed = Math.max(this.#committed, seq);
  }
}
