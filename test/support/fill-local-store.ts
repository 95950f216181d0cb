import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { errorCode } from '../../lib/error-code.ts';
import { silentLogger } from '../../lib/logger.ts';

/** Opens a device's corrupt store on a full disk, then with room; tells what came of it. */

const [root = ''] = process.argv.slice(2);
const ballast = join(root, 'ballast');
const data = join(root, 'data');

async function open(): Promise<unknown> {
  try {
    await using store = await LocalStore.open({ root, logger: silentLogger });
    return store.setAside === undefined ? 'sound' : 'set aside';
  } catch (error) {
    return errorCode(error);
  }
}

mkdirSync(data);
writeFileSync(join(data, 'local.db'), Buffer.alloc(8192, 'nonsense'));
try {
  for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
} catch (error) {
  if (errorCode(error) !== 'ENOSPC') throw error;
}
const full = await open();
const left = readdirSync(data);
const fresh = await LocalStore.open({ root: join(root, 'another'), logger: silentLogger }).catch(errorCode);
const written = await atomicWrite(join(root, 'small'), 'bytes').catch(String);
rmSync(ballast);
console.log(JSON.stringify({ full, left, fresh, written, afterwards: await open() }));
