import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../cloud-sync/control-plane/database/open.ts';
import { errorCode } from '../../lib/error-code.ts';

/** Opens the cloud's database on a full disk, then with room; tells what came of it. */

const [folder = ''] = process.argv.slice(2);
const ballast = join(folder, 'ballast');
const path = join(folder, 'control-plane.db');

async function open(): Promise<string | undefined> {
  try {
    await (await openDatabase(path)).destroy();
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

try {
  for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
} catch (error) {
  if (errorCode(error) !== 'ENOSPC') throw error;
}
const full = await open();
rmSync(ballast);
console.log(JSON.stringify({ full, afterwards: (await open()) ?? 'open' }));
