import type { Command } from 'commander';
import type { KeepRule, Retention, StreamUsageBody } from '../../cloud-sync/protocol/api.ts';
import { openCloud } from '../cloud.ts';
import { examples, parseAge, parseBytes, parseName } from '../options.ts';
import { formatBytes } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatTable } from '../table.ts';

export function registerCloudRetention(cloud: Command, surroundings: Surroundings): void {
  const retention = cloud
    .command('retention')
    .description('Show or change how long the cloud keeps what devices relayed.');
  retention
    .command('list', { isDefault: true })
    .description('The defaults and the streams with a rule of their own; with a device all of its streams.')
    .argument('[device]', 'The device.', parseName)
    .addHelpText('after', examples('holdfast cloud retention', 'holdfast cloud retention list greenhouse-7'))
    .action(action(surroundings, list));
  retention
    .command('set')
    .description('Give a stream a rule of its own; what is not named is kept without end.')
    .argument('<device>', 'The device.', parseName)
    .argument('<stream>', 'Its stream.', parseName)
    .option(
      '--keep-messages <duration>',
      'Remove messages this long after the cloud received them.',
      parseAge,
    )
    .option('--keep-bytes <size>', 'Remove the oldest when the stream takes more than this.', parseBytes)
    .addHelpText(
      'after',
      examples('holdfast cloud retention set greenhouse-7 video --keep-messages 7d --keep-bytes 10GiB'),
    )
    .action(action(surroundings, set));
  retention
    .command('reset')
    .description('Keep a stream by the default again.')
    .argument('<device>', 'The device.', parseName)
    .argument('<stream>', 'Its stream.', parseName)
    .addHelpText('after', examples('holdfast cloud retention reset greenhouse-7 video'))
    .action(action(surroundings, reset));
}

async function list(run: Run, _: unknown, device?: string): Promise<void> {
  await using cloud = await openCloud(run);
  const { signal } = run;
  const retention = await cloud.call((client) => client.retention({ signal }));
  const streams =
    device === undefined ? retention.rules : await cloud.call((client) => client.streams(device, { signal }));
  const { defaults, totalBytes } = retention;
  run.out.result({ defaults, totalBytes, streams }, () => format(retention, streams));
}

type SetOptions = { readonly keepMessages?: number; readonly keepBytes?: number };

async function set(run: Run, options: SetOptions, device: string, stream: string): Promise<void> {
  const { keepMessages = null, keepBytes = null } = options;
  await change(run, { device, stream }, { keepMs: keepMessages, keepBytes });
}

async function reset(run: Run, _: unknown, device: string, stream: string): Promise<void> {
  await change(run, { device, stream }, null);
}

async function change(
  run: Run,
  place: { readonly device: string; readonly stream: string },
  keep: KeepRule | null,
): Promise<void> {
  await using cloud = await openCloud(run);
  await cloud.call((client) => client.keep(place, keep, { signal: run.signal }));
  run.out.result({ ...place, keep }, () => `${place.device}/${place.stream}: ${describeKeep(keep)}.`);
}

function format({ defaults, totalBytes }: Retention, streams: readonly StreamUsageBody[]): string {
  const rows = streams.map(({ device, stream, messages, bytes, removed, keep }) => [
    ...[device, stream, String(messages), formatBytes(bytes), String(removed), describeKeep(keep)],
  ]);
  const head = ['DEVICE', 'STREAM', 'MESSAGES', 'SIZE', 'REMOVED', 'KEPT'];
  const summary = `All streams take ${formatBytes(totalBytes)}. By default: ${describeKeep(defaults)}.`;
  return rows.length === 0 ? summary : `${summary}\n\n${formatTable(head, rows)}`;
}

function describeKeep(keep: KeepRule | null): string {
  if (keep === null) return 'kept by the default';
  const { keepMs, keepBytes } = keep;
  const bounds = [
    ...(keepMs === null ? [] : [`for ${formatDuration(keepMs)}`]),
    ...(keepBytes === null ? [] : [`up to ${formatBytes(keepBytes)}`]),
  ];
  return bounds.length === 0 ? 'kept without end' : `kept ${bounds.join(', ')}`;
}

function formatDuration(ms: number): string {
  const [unit, name] = (
    [
      [86_400_000, 'd'],
      [3_600_000, 'h'],
      [60_000, 'm'],
    ] as const
  ).find(([size]) => ms >= size) ?? [1000, 's'];
  return `${Math.round((ms / unit) * 10) / 10}${name}`;
}
