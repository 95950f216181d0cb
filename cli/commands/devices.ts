import { Option, type Command } from 'commander';
import type { Device } from '../../cloud-sync/protocol/api.ts';
import { openCloud } from '../cloud.ts';
import { examples, parseDurationUpTo, parseName } from '../options.ts';
import type { Output } from '../output.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatTable } from '../table.ts';

export function registerDevices(program: Command, surroundings: Surroundings): void {
  const devices = program.command('devices').description('List the devices of the cloud, or enrol one.');
  devices
    .command('list', { isDefault: true })
    .description('List devices: whether they are online, what they run, what they should run.')
    .addHelpText('after', examples('holdfast devices', 'holdfast devices list --json'))
    .action(action(surroundings, listDevices));
  devices
    .command('enrol')
    .description('Make a one-time token with which a device enrols; prints it, and shows it never again.')
    .argument('<name>', 'The device.', parseName)
    .addOption(
      new Option('--expires <duration>', 'How long the token may wait to be used, at most 30d.')
        .argParser(parseDurationUpTo(30))
        .default(3_600_000, '1h'),
    )
    .addHelpText(
      'after',
      examples(
        'holdfast devices enrol greenhouse-7',
        'holdfast devices enrol greenhouse-7 --expires 15m > token',
      ),
    )
    .action(action(surroundings, enrolDevice));
}

async function listDevices(run: Run): Promise<void> {
  await using cloud = await openCloud(run);
  const devices = await cloud.call((client) => client.devices({ signal: run.signal }));
  run.out.result({ devices }, () => formatDevices(run.out, devices));
}

function formatDevices(out: Output, devices: readonly Device[]): string {
  if (devices.length === 0) return 'No devices yet. Make a token for one: holdfast devices enrol NAME';
  const rows = devices.map((device) => [
    device.name,
    formatOnline(out, device),
    formatGeneration(device.desired?.generation),
    formatGeneration(device.reported?.applied ?? undefined),
    device.reported?.phase ?? '-',
  ]);
  return formatTable(['DEVICE', 'STATE', 'DESIRED', 'APPLIED', 'PHASE'], rows);
}

export function formatOnline(out: Output, { enrolled, online }: Device): string {
  if (!enrolled) return out.paint('yellow', 'not enrolled');
  if (online?.online) return out.paint('green', 'online');
  return out.paint('dim', online ? `offline since ${online.since}` : 'never seen');
}

function formatGeneration(generation: number | undefined): string {
  return generation === undefined ? '-' : String(generation);
}

async function enrolDevice(run: Run, { expires }: { expires: number }, device: string): Promise<void> {
  await using cloud = await openCloud(run);
  const expiresInSeconds = Math.max(1, Math.ceil(expires / 1000));
  const created = await cloud.call((client) =>
    client.createEnrolmentToken({ device, expiresInSeconds }, { signal: run.signal }),
  );
  // Only the token on stdout: `TOKEN=$(holdfast devices enrol NAME)` works.
  run.out.note(`Works once, until ${created.expires}. On the device: holdfast agent up --token TOKEN`);
  run.out.result(created, () => created.token);
}
