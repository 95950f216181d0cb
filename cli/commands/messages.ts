import { InvalidArgumentError, type Command } from 'commander';
import type { MessagePage } from '../../cloud-sync/protocol/api.ts';
import { openCloud } from '../cloud.ts';
import { messagePages } from '../message-pages.ts';
import { messageText } from '../message-text.ts';
import { examples, parseCount, parseName, parseTopicFilter } from '../options.ts';
import { parseMoment } from '../parse-moment.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { drained } from '../write-out.ts';

type Options = {
  readonly stream?: string;
  readonly topic?: string;
  readonly since?: string;
  readonly until?: string;
  readonly follow?: boolean;
  readonly after: number;
  readonly limit: number;
};

export function registerMessages(program: Command, surroundings: Surroundings): void {
  const moment = (text: string) => parseMoment(text, Date.now());
  program
    .command('messages')
    .description(
      'Print what a device, or every device, relayed to the cloud, in order of arrival; with --json a line each.',
    )
    .argument('[device]', 'The device; without one, all of them.', parseName)
    .option('--stream <name>', 'Only this stream.', parseName)
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter, and gaps.', parseTopicFilter)
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
  const { signal } = run;
  const { limit, follow = false, stream, topic, since, until, after } = options;
  const query = { stream, topic, since, until, after, limit: limit === 0 ? undefined : limit };
  await using cloud = await openCloud(run);
  let isFirst = true;
  let isEmpty = true;
  for await (const page of messagePages({ cloud, device, query, follow, signal })) {
    if (isFirst && page.removed) sayRemoved(run, page.removed);
    isFirst = false;
    isEmpty &&= page.messages.length === 0 && page.removed === null;
    for (const message of page.messages) {
      run.out.item(message, () => messageText(message));
      await drained(run);
    }
    signal.throwIfAborted();
  }
  if (isEmpty)
    run.out.note(
      device === undefined
        ? 'The cloud has no such messages.'
        : `The cloud has no such messages. What it has of ${device}: holdfast cloud retention list ${device}`,
    );
}

function sayRemoved(run: Run, { count, oldestKept }: NonNullable<MessagePage['removed']>): void {
  const rest = oldestKept === null ? 'nothing is kept' : `the oldest kept arrived at ${oldestKept}`;
  run.out.note(`${count} messages were removed by retention; ${rest}.`);
}
