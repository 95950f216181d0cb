import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { observeFloor } from '../../agent/vault/observe-floor.ts';
import { errorCode } from '../../lib/error-code.ts';
import { silentLogger } from '../../lib/logger.ts';
import { fillRepository } from './fill-repository.ts';
import { createMemoryRepository } from './memory-repository.ts';

/** Looks at a repository from a device with a full disk, and when there is room again; tells what came of it. */

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
const { signal } = new AbortController();
const { backend, repository } = await createMemoryRepository();
let clockMs = 1_700_000_000_000;
backend.now = () => (clockMs += 1_000);

const fill = (content: string, path: string) =>
  fillRepository(repository, { file: content }, { path, time: '2026-11-21T12:00:00Z' });

async function observe(): Promise<string> {
  const observed = observeFloor(repository, {
    ...{ file: join(folder, 'vault', 'floor.json'), signal },
    logger: silentLogger,
  });
  return observed.then(
    () => 'taken',
    (error: unknown) => errorCode(error) ?? String(error),
  );
}

async function withoutSnapshot(id: string): Promise<string> {
  const key = `snapshots/${id}`;
  const file = backend.files.get(key);
  if (!file) throw new Error(`There is no ${key}`);
  backend.files.delete(key);
  const outcome = await observe();
  backend.files.set(key, file);
  return outcome;
}

const first = await fill('1', '/first');
const atFirst = await observe();
try {
  for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
} catch (error) {
  if (errorCode(error) !== 'ENOSPC') throw error;
}
const second = await fill('2', '/second');
const full = await observe();
const firstGone = await withoutSnapshot(first);
rmSync(ballast);
const afterwards = await observe();
const secondGone = await withoutSnapshot(second);
console.log(JSON.stringify({ atFirst, full, firstGone, afterwards, secondGone }));
