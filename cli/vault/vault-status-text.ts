import type { VaultStatus, VolumeVaultStatus } from '../../agent/control/vault-protocol.ts';
import { formatAge } from '../duration-text.ts';
import type { Output } from '../output.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { formatBytes } from '../progress.ts';
import { formatTable } from '../table.ts';
import { shortId, shortTime } from './snapshot-text.ts';

const pauses = { onBattery: 'this device runs on battery', onMetered: 'the link is metered' } as const;

/** What the agent says of its vault. `nowMs`: milliseconds since 1970. */
export function formatVaultStatus(out: Output, status: VaultStatus, nowMs: number): string {
  return [
    ...formatRepository(status),
    ...formatOwner(out, status),
    ...formatWaiting(out, status),
    ...formatRetention(out, status),
    ...formatRunning(status),
    ...formatVolumes(out, status, nowMs),
  ].join('\n');
}

function formatRepository({ repository }: VaultStatus): string[] {
  if (repository === null)
    return ['No vault: no volume of the manifest has `snapshot`, and it names no `vault.repository`.'];
  const id = repository.id === null ? 'made at the first snapshot' : shortId(repository.id);
  return [`repository  ${printable(repository.location)}  (${id})`];
}

function formatOwner(out: Output, { owner }: VaultStatus): string[] {
  if (owner === null) return [];
  const lines =
    owner.fingerprint === null
      ? []
      : [
          `owner key   ${owner.fingerprint}${owner.slot ? '' : out.paint('yellow', '  (not in the repository yet)')}`,
        ];
  if (owner.offered === null) return lines;
  const warning = 'The manifest names another owner key, which is not used until you accept it here:';
  return [
    ...lines,
    out.paint('yellow', warning),
    `            ${owner.offered}`,
    '            holdfast vault trust-owner',
  ];
}

function formatWaiting(out: Output, { paused }: VaultStatus): string[] {
  if (paused === null) return [];
  return [
    out.paint('yellow', `Scheduled snapshots wait: ${pauses[paused]}. holdfast snapshot takes one now.`),
  ];
}

function formatRetention(out: Output, { retention }: VaultStatus): string[] {
  if (retention === null) return [];
  const { time, problem } = retention;
  const said = problem === null ? 'done' : out.paint('yellow', printable(problem.message));
  return [`retention   ${shortTime(time)} UTC  ${said}`];
}

function formatRunning({ running, waiting }: VaultStatus): string[] {
  if (running === null) return [];
  const { kind, volume, progress } = running;
  const done = progress === null ? '' : `, ${formatBytes(progress.bytesDone)}`;
  const more = waiting === 0 ? '' : `; ${plural(waiting, 'job')} behind it`;
  return [`running     ${kind}${volume === null ? '' : ` of ${volume}`}${done}${more}`];
}

function formatVolumes(out: Output, { volumes }: VaultStatus, nowMs: number): string[] {
  const rows = Object.entries(volumes).map(([name, volume]) => [
    ...[name, volume.schedule ?? '-', ...formatLast(volume, nowMs)],
    ...[volume.next === null ? '-' : shortTime(volume.next), formatState(out, volume)],
  ]);
  if (rows.length === 0) return [];
  return ['', formatTable(['VOLUME', 'SCHEDULE', 'LAST', '', 'SIZE', 'NEXT (UTC)', ''], rows)];
}

function formatLast({ last, restored }: VolumeVaultStatus, nowMs: number): string[] {
  if (last === null && restored !== null)
    return [shortId(restored.snapshot), `restored ${formatAge(nowMs - Date.parse(restored.restored))}`, '-'];
  if (last === null) return ['never', '', '-'];
  return [shortId(last.snapshot), formatAge(nowMs - Date.parse(last.time)), formatBytes(last.totalBytes)];
}

function formatState(out: Output, { failure, overdue, last, unchanged }: VolumeVaultStatus): string {
  if (failure !== null) return out.paint('red', `failed: ${printable(failure.message)}`);
  if (overdue) return out.paint('yellow', 'overdue');
  if (last !== null && last.problems > 0) return out.paint('yellow', plural(last.problems, 'problem'));
  return unchanged === null ? '' : `unchanged since, seen ${shortTime(unchanged)}`;
}
