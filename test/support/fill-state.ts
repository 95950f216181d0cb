import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StateStore } from '../../agent/reconcile/state-store.ts';
import { errorCode } from '../../lib/error-code.ts';

/** Writes a device's state on a full disk, and when there is room again; tells what came of it. */

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
const root = join(folder, 'root');
const path = join(root, 'state.json');
const recoveries: string[] = [];

const open = () => StateStore.open(path, (reason) => recoveries.push(reason));

/** The number that is written, or why it could not be. */
async function count(store: StateStore, times: number): Promise<unknown> {
  try {
    for (let time = 0; time < times; time++) await store.update(({ session }) => ({ session: session + 1 }));
    return (await open()).state.session;
  } catch (error) {
    return errorCode(error);
  }
}

mkdirSync(root);
const store = await open();
const atFirst = await count(store, 2);
try {
  for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
} catch (error) {
  if (errorCode(error) !== 'ENOSPC') throw error;
}
const full = await count(store, 3);
const conditions = Array.from({ length: 16 }, () => ({
  type: 'Waiting',
  reason: 'test',
  status: true,
  message: 'x'.repeat(1000),
}));
const tooLong = await store.update(() => ({ conditions })).catch(errorCode);
const kept = await count(store, 1);
rmSync(ballast);
const afterwards = await count(store, 2);
const newest = readFileSync(path);
writeFileSync(path, newest.subarray(0, 100));
const before = (await open()).state.session;
console.log(
  JSON.stringify({
    ...{ atFirst, full, tooLong, kept, afterwards, before, recoveries },
    left: readdirSync(root).sort(),
  }),
);
