import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { errorCode } from '../../lib/error-code.ts';
import { silentLogger } from '../../lib/logger.ts';
import { ResticRepository } from './restic-repository.ts';

/**
 * Run in a process of its own whose folder for temporary files is a small file system: fills it by snapshots and tells, as JSON, how room
 * is made again, and what restic says to that. The second argument is a folder for what is snapshotted, which lies elsewhere.
 */
const [, data = ''] = process.argv.slice(2);
const signal = AbortSignal.timeout(120_000);
const mebibyte = 2 ** 20;
const pageBytes = 4096;

await using repository = await ResticRepository.create();
const { ours } = repository;

const old = await snapshotOf('old', 12);
await snapshotOf('new', 2);
const before = await packNames();
const tooMuch = await snapshotOf('too much', 44).catch(codeOf);
const given = JSON.stringify(await packNames()) === JSON.stringify(before);

const filler = repository.beside('filler');
await fillWith(filler);
await forgetSnapshots(ours, { snapshots: [old], signal });
await fillWith(filler);
const { plan, lackedRoom } = await prune(ours, { signal });

await rm(filler);
const { code, errors } = await repository.restic('check', '--read-data');
const freedMiB = Math.round(plan.bytes.freed / mebibyte);
console.log(JSON.stringify({ tooMuch, given, freedMiB, lackedRoom, restic: { code, errors } }));

/** Of all that is free one page stays, for a lock. */
async function fillWith(file: string): Promise<void> {
  const { bavail, bsize } = await statfs(repository.folder);
  await appendFile(file, Buffer.alloc(bavail * bsize - pageBytes));
}

async function snapshotOf(name: string, sizeMiB: number): Promise<string> {
  const folder = join(data, name);
  await mkdir(folder);
  for (let file = 0; file < sizeMiB; file += 1)
    await writeFile(join(folder, `${file}`), randomBytes(mebibyte));
  const outcome = await takeSnapshot({
    ...{ repository: ours, folder, recordedPath: `/${name}`, hostname: 'kiosk', tags: [], excludes: [] },
    ...{ parent: 'none', logger: silentLogger, signal },
  });
  return outcome.id;
}

async function packNames(): Promise<string[]> {
  return (await ours.backend.list('data', { signal })).map(({ name }) => name).toSorted();
}

function codeOf(error: unknown): string {
  return errorCode(error) ?? String(error);
}
