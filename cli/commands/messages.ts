import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { MessagePage, StoredMessage } from '../../cloud-sync/protocol/api.ts';
import type { MessagesQuery } from '../../cloud-sync/protocol/control-plane-client.ts';
import { openCloud, type Cloud } from '../cloud.ts';
import { examples, parseCount, parseName } from '../options.ts';
import { parseMoment } from '../parse-moment.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = {
  readonly stream?: string;
  readonly topic?: string;
  readonly since?: string;
  readonly until?: string;
  readonly follow?: boolean;
  readonly after: number;
  readonly limit: number;
};

/** The largest page that the API gives. */
const pageLimit = 1000;
const followMs = 1000;

export function registerMessages(program: Command, surroundings: Surroundings): void {
  const moment = (text: string) => parseMoment(text, Date.now());
  program
    .command('messages')
    .description(
      'Print what a device, or every device, relayed to the cloud, in order of arrival; with --json a line each.',
    )
    .argument('[device]', 'The device; without one, all of them.', parseName)
    .option('--stream <name>', 'Only this stream.', parseName)
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter, and gaps.')
    .option(
      '--since <time>',
      'Only messages of this time or later: RFC 3339, or -1h for an hour ago.',
      moment,
    )
    .option('--until <time>', 'Only messages of this time or earlier.', moment)
    .option('-f, --follow', 'Keep printing what arrives until Ctrl-C.')
    .option('--after <id>', 'Only messages behind this id.', parseCursor, 0)
    .option('--limit <count>', 'At most this many; 0 prints all.', parseCount, 0)
    .addHelpText(
      'after',
      examples(
        'holdfast messages greenhouse-7 --topic "site/weather/#" --since -1h',
        'holdfast messages --topic "site/+/alarm" --follow',
        'holdfast messages greenhouse-7 --stream weather --json | jq -r .payload | base64 -d',
      ),
    )
    .action(action(surroundings, messages));
}

function parseCursor(text: string): number {
  const cursor = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(cursor))
    throw new InvalidArgumentError('Give the id of a message: a whole number.');
  return cursor;
}

async function messages(run: Run, options: Options, device?: string): Promise<void> {
  await using cloud = await openCloud(run);
  for await (const message of pages(run, cloud, device, options)) {
    run.out.item(message, () => formatMessage(message, device === undefined));
  }
}

async function* pages(
  run: Run,
  cloud: Cloud,
  device: string | undefined,
  options: Options,
): AsyncGenerator<StoredMessage> {
  let left = options.limit === 0 ? Number.POSITIVE_INFINITY : options.limit;
  const { stream, topic, since, until, follow = false } = options;
  let { after } = options;
  let isFirst = true;
  while (left > 0) {
    const query: MessagesQuery = { after, limit: Math.min(left, pageLimit), stream, topic, since, until };
    const page: MessagePage = await cloud.call((client) =>
      client.messages(device, query, { signal: run.signal }),
    );
    if (isFirst && page.removed) sayRemoved(run, page.removed);
    isFirst = false;
    yield* page.messages;
    left -= page.messages.length;
    after = page.position;
    if (page.next !== null) continue; // A filtered page may be empty while more is to be looked through.
    if (!follow) return;
    await sleep(followMs, undefined, { signal: run.signal });
  }
}

function sayRemoved(run: Run, { count, oldestKept }: NonNullable<MessagePage['removed']>): void {
  const rest = oldestKept === null ? 'nothing is kept' : `the oldest kept arrived at ${oldestKept}`;
  run.out.note(`${count} messages were removed by retention; ${rest}.`);
}

function formatMessage(message: StoredMessage, withDevice: boolean): string {
  const { device, time, stream, seq, topic, payload, gap } = message;
  const text = gap
    ? `(${gap.count} messages dropped on the device: ${gap.reason})`
    : `${topic ?? ''} ${Buffer.from(payload ?? '', 'base64').toString('utf8')}`;
  return `${time} ${withDevice ? `${device} ` : ''}${stream}/${seq} ${text}`;
}
