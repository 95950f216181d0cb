import type { Command } from 'commander';
import type { Status } from '../../agent/control/protocol.ts';
import type { Device } from '../../cloud-sync/protocol/api.ts';
import { openCloud } from '../cloud.ts';
import { agentRoot } from '../context.ts';
import { examples, formatAddress, parseName } from '../options.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { formatBytes } from '../progress.ts';
import { action, type Run, type Surroundings } from '../run.ts';
import { formatToolFolder } from '../tool-folder-text.ts';
import { formatTable } from '../table.ts';
import { formatOnline } from './devices.ts';

type Options = { readonly device?: string };

export function registerStatus(program: Command, surroundings: Surroundings): void {
  program
    .command('status')
    .description('Show what this device runs, or what another reported to the cloud.')
    .option('--device <name>', 'Through the cloud, of this device.', parseName)
    .addHelpText('after', examples('holdfast status', 'holdfast status --device greenhouse-7 --json'))
    .action(action(surroundings, status));
}

async function status(run: Run, { device }: Options): Promise<void> {
  await (device === undefined ? statusHere(run) : statusThere(run, device));
}

async function statusHere(run: Run): Promise<void> {
  const { ControlClient } = await import('../../agent/control/client.ts');
  await using agent = ControlClient.forRoot(agentRoot(run));
  const value = await agent.status(run.signal);
  run.out.result(value, () => formatStatus(run, value));
}

async function statusThere(run: Run, name: string): Promise<void> {
  await using cloud = await openCloud(run);
  const device = await cloud.call((client) => client.device(name, { signal: run.signal }));
  run.out.result(device, () => formatDevice(run.out, device));
}

function formatStatus(run: Run, status: Status): string {
  const { out } = run;
  const { cloud, mqtt, http } = status;
  const link = cloud.connected
    ? out.paint('green', 'connected')
    : out.paint('yellow', printable(cloud.lastError ?? 'not connected'));
  return [
    `${out.paint('bold', status.device)}  (agent ${status.version}, pid ${status.pid}, root ${status.root})`,
    `cloud   ${[...(cloud.url === null ? [] : [cloud.url]), link].join('  ')}`,
    `mqtt    ${mqtt.host}:${mqtt.port}`,
    ...formatListeners(out, status),
    ...formatHttp(out, http),
    ...formatExports(run, status),
    `functions sandbox: ${status.sandbox}`,
    formatGenerations(status.desired?.generation, status.applied?.generation, status.phase),
    ...formatConditions(out, status.conditions),
    ...formatUnenforced(out, status),
    ...formatComponents(out, status.components),
    ...formatRoutes(out, http),
    ...formatStreams(status),
    ...formatBridges(out, status),
    ...formatSessions(status),
  ].join('\n');
}

function formatDevice(out: Output, device: Device): string {
  const { desired, reported } = device;
  return [
    `${out.paint('bold', device.name)}  ${formatOnline(out, device)}`,
    formatGenerations(desired?.generation, reported?.applied ?? undefined, reported?.phase ?? null),
    ...formatConditions(out, reported?.conditions ?? []),
    ...formatComponents(out, reported?.components ?? {}),
  ].join('\n');
}

function formatGenerations(
  desired: number | undefined,
  applied: number | undefined,
  phase: string | null,
): string {
  return `desired generation ${desired ?? 'none'}, applied ${applied ?? 'none'}${phase === null ? '' : `, ${phase}`}`;
}

function formatConditions(out: Output, conditions: Status['conditions']): string[] {
  return conditions.map(
    ({ type, message }) => `${out.paint('yellow', printable(type))}: ${printable(message)}`,
  );
}

function formatUnenforced(out: Output, { apps, isolations }: Status): string[] {
  if (Object.keys(apps).length === 0) return [];
  return isolations.unenforced.map(({ limit, why }) =>
    out.paint('yellow', `Limits of ${limit} of apps are not enforced here: ${why}`),
  );
}

function formatComponents(out: Output, components: Status['components']): string[] {
  const rows = Object.entries(components).map(([name, { state, digest, message }]) => [
    name,
    out.paint(state === 'running' ? 'green' : 'yellow', state),
    digest?.slice(0, 'sha256:'.length + 12) ?? '-',
    message ?? '',
  ]);
  return rows.length === 0 ? [] : ['', formatTable(['COMPONENT', 'STATE', 'DIGEST', ''], rows)];
}

function formatListeners(out: Output, { listeners, ca }: Status): string[] {
  const lines = Object.values(listeners).map(({ protocol, host, port, problem }) => {
    const address = `${protocol}://${formatAddress({ host, port })}`;
    return `mqtt    ${problem === null ? address : `${address}  ${out.paint('yellow', problem)}`}`;
  });
  return ca === null ? lines : [...lines, `mqtt ca ${ca.path}`];
}

function formatHttp(out: Output, http: Status['http']): string[] {
  if (http === null) return [];
  const { host, port, problem } = http;
  return [
    `http    ${port === null ? out.paint('yellow', problem ?? 'not listening') : `http://${formatAddress({ host, port })}`}`,
  ];
}

function formatExports({ out, io }: Run, { exports: { folder, programs } }: Status): string[] {
  if (programs.length === 0) return [];
  return [`tools   ${programs.join(', ')} in ${formatToolFolder(out, folder, io.env.PATH)}`];
}

function formatRoutes(out: Output, http: Status['http']): string[] {
  const rows = (http?.routes ?? []).map(({ route, function: name, methods, auth, problem }) => [
    route,
    name,
    methods?.join(' ') ?? 'all',
    auth,
    problem === null ? '' : out.paint('yellow', problem),
  ]);
  rows.push(...(http?.sites ?? []).map(({ route, app }) => [route, `apps.${app}`, 'GET HEAD', 'local', '']));
  return rows.length === 0 ? [] : ['', formatTable(['ROUTE', 'ANSWERED BY', 'METHODS', 'AUTH', ''], rows)];
}

function formatStreams({ streams }: Status): string[] {
  const rows = Object.entries(streams).map(([name, { lastSeq, ackedSeq, backlog, bytes }]) => [
    name,
    String(lastSeq),
    String(ackedSeq),
    String(backlog),
    formatBytes(bytes),
  ]);
  return rows.length === 0 ? [] : ['', formatTable(['STREAM', 'LAST', 'IN CLOUD', 'BACKLOG', 'SIZE'], rows)];
}

function formatBridges(out: Output, { bridges, relayProblem }: Status): string[] {
  const rows = Object.entries(bridges).flatMap(([name, { out: readers, connected, url }]) =>
    readers.map(({ stream, backlog, sent, missed }) => [
      name,
      connected ? url : out.paint('yellow', `${url} (not connected)`),
      stream,
      String(sent),
      String(backlog),
      Object.entries(missed)
        .map(([reason, count]) => `${count} ${reason}`)
        .join(', ') || '-',
    ]),
  );
  const problem = relayProblem === null ? [] : ['', `relay: ${out.paint('yellow', printable(relayProblem))}`];
  if (rows.length === 0) return problem;
  return [...problem, '', formatTable(['BRIDGE', 'TO', 'STREAM', 'SENT', 'BACKLOG', 'MISSED'], rows)];
}

function formatSessions({ sessions }: Status): string[] {
  const rows = sessions.map(({ client, connected, away, messages, bytes, dropped }) => [
    client,
    connected ? 'connected' : `away since ${away ?? 'the start'}`,
    String(messages),
    formatBytes(bytes),
    String(dropped),
  ]);
  return rows.length === 0 ? [] : ['', formatTable(['MQTT SESSION', '', 'WAITING', 'SIZE', 'DROPPED'], rows)];
}
