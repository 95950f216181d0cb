import type { Command } from 'commander';
import type { MessagePage, StoredMessage } from '../../cloud-sync/protocol/api.ts';
import type { MessagesQuery } from '../../cloud-sync/protocol/control-plane-client.ts';
import { openCloud, type Cloud } from '../cloud.ts';
import { examples, parseCount, parseName } from '../options.ts';
import { action, type Run, type Surroundings } from '../run.ts';

type Options = {
  readonly stream?: string;
  readonly topic?: string;
  readonly after: number;
  readonly limit: number;
};

/** The largest page that the API gives. */
const pageLimit = 1000;

export function registerMessages(program: Command, surroundings: Surroundings): void {
  program
    .command('messages')
    .description('Print what a device relayed to the cloud, in order of arrival; with --json a line each.')
    .argument('<device>', 'The device.', parseName)
    .option('--stream <name>', 'Only this stream.', parseName)
    .option('--topic <filter>', 'Only topics that match this MQTT topic filter.')
    .option('--after <id>', 'Only messages behind this id.', parseCount, 0)
    .option('--limit <count>', 'At most this many; 0 prints all.', parseCount, 0)
    .addHelpText(
      'after',
      examples(
        'holdfast messages greenhouse-7 --topic "site/weather/#"',
        'holdfast messages greenhouse-7 --stream weather --json | jq -r .payload | base64 -d',
      ),
    )
    .action(action(surroundings, messages));
}

async function messages(run: Run, options: Options, device: string): Promise<void> {
  await using cloud = await openCloud(run);
  for await (const message of pages(run, cloud, device, options)) {
    run.out.item(message, () => formatMessage(message));
  }
}

async function* pages(
  run: Run,
  cloud: Cloud,
  device: string,
  options: Options,
): AsyncGenerator<StoredMessage> {
  let left = options.limit === 0 ? Number.POSITIVE_INFINITY : options.limit;
  const { stream, topic } = options;
  let after: number | null = options.after;
  while (after !== null && left > 0) {
    const query: MessagesQuery = { after, limit: Math.min(left, pageLimit), stream, topic };
    const page: MessagePage = await cloud.call((client) =>
      client.messages(device, query, { signal: run.signal }),
    );
    yield* page.messages;
    left -= page.messages.length;
    // A filtered page may be empty while more is to be looked through.
    after = page.next;
  }
}

function formatMessage({ time, stream, seq, topic, payload, gap }: StoredMessage): string {
  const text = gap
    ? `(${gap.count} messages dropped on the device: ${gap.reason})`
    : `${topic ?? ''} ${Buffer.from(payload ?? '', 'base64').toString('utf8')}`;
  return `${time} ${stream}/${seq} ${text}`;
}
