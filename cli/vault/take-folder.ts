import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { errorCode } from '../../lib/error-code.ts';
import { keepYoungHeapSmall } from '../../lib/spare-memory.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { ListAhead } from '../../cloud-sync/vault/snapshot/list-ahead.ts';
import { CliError } from '../errors.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { chooseSnapshot } from './choose-snapshot.ts';
import { memoryFile } from './memory-file.ts';
import { formatOutcome } from './outcome-text.ts';
import { quietLogger } from './quiet-logger.ts';
import { readSnapshots } from './read-snapshots.ts';
import { formatSnapshotProgress } from './snapshot-progress-text.ts';
import type { VaultOptions } from './vault-options.ts';

export type TakeOptions = VaultOptions & {
  readonly host: string;
  readonly path?: string;
  readonly tag: readonly string[];
  readonly exclude: readonly string[];
  readonly parent: string;
  readonly memory: boolean;
  readonly threads?: number;
  readonly limit?: number;
  readonly time?: string;
  readonly skipUnchanged?: true;
};

const maxAheadMs = 2_000;

/** Snapshots a folder into the repository of the options, in this process. */
export async function takeFolder(run: Run, options: TakeOptions, name: string): Promise<void> {
  keepYoungHeapSmall();
  const { signal } = run;
  const logger = quietLogger(run);
  const { host, tag, exclude, threads, limit, time, skipUnchanged = false } = options;
  const folder = resolve(name);
  await requireFolder(folder);
  const recordedPath = options.path ?? folder;
  // Beside all that comes before the walk: modules, the key, the lock.
  await using ahead = availableParallelism() > 1 ? new ListAhead(folder, exclude) : undefined;
  const { openVault } = await import('./open-vault.ts');
  const engine = () => import('../../cloud-sync/vault/snapshot/take-snapshot.ts');
  // Where it fails, the call behind this says so.
  const loadAhead = () => void engine().catch(() => undefined);
  await using repository = await openVault(run, options, { onDeriving: loadAhead });
  const { takeSnapshot } = await engine();
  const parent = await parentOf(run, repository, options.parent);
  const memory = options.memory ? await memoryFile(run, [repository.id, host, recordedPath]) : undefined;
  using progress = new Progress(run.io, {
    label: `Snapshotting ${basename(folder)}`,
    enabled: !run.out.json,
  });
  const outcome = await takeSnapshot({
    ...{ repository, folder, parent, skipUnchanged, logger, signal },
    ...{ recordedPath, hostname: host, tags: tag, excludes: exclude },
    ...(memory !== undefined && { memory }),
    ...(ahead !== undefined && isFresh(ahead) && { ahead }),
    ...(threads !== undefined && { threads }),
    ...(limit !== undefined && { bytesPerSecond: limit }),
    ...(time !== undefined && { time }),
    onProgress: (now) => progress.line(() => formatSnapshotProgress(now)),
  });
  progress[Symbol.dispose]();
  run.out.result({ repository: repository.id, folder, ...outcome }, () => formatOutcome(folder, outcome));
}

/** Before a password is asked for. */
async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new CliError('notFound', `Cannot snapshot ${folder}: there is no such folder.`, { cause: error });
  });
  if (found.isDirectory()) return;
  throw new CliError('usage', `Cannot snapshot ${folder}: it is no folder.`, {
    hint: 'Name the folder that it is in; --exclude leaves out the rest.',
  });
}

/** What was listed while somebody looked for the passphrase is out of date. */
function isFresh({ startMs }: ListAhead): boolean {
  return Date.now() - startMs < maxAheadMs;
}

/** The engine knows whole ids, `latest` and `none`. */
async function parentOf(run: Run, repository: Repository, parent: string): Promise<string> {
  if (parent === 'latest' || parent === 'none') return parent;
  return chooseSnapshot(await readSnapshots(run, repository), parent).id;
}
