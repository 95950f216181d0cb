import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlobFolder } from '../../cloud-sync/oci/blob-folder.ts';
import { digestOf } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';

/**
 * `lost-part-child.mjs FOLDER`: begins a blob on the disk of `onFailingDisk` as a process does that is killed when its fsync has failed, has
 * the disk grow, and goes on with it twice. Prints what came of it as JSON.
 */
const [folder = ''] = process.argv.slice(2);
const root = join(folder, 'disk', 'layout');
const bytes = Buffer.alloc(24 * 2 ** 20, 'some words that come again. ');
const digest = digestOf(bytes);
const held = 22 * 2 ** 20;

mkdirSync(join(root, '.partial'), { recursive: true });
const part = openSync(join(root, '.partial', `${digest.slice('sha256:'.length)}.part`), 'w');
writeFileSync(part, bytes.subarray(0, held));
let failed = false;
try {
  fsyncSync(part);
} catch {
  failed = true;
}
closeSync(part);
execFileSync('mount', ['-o', 'remount,size=120m', join(folder, 'store')]);

async function goOn(): Promise<unknown> {
  await using writer = await (await BlobFolder.open(root)).createWriter({ digest, size: bytes.length });
  await writer.write(bytes.subarray(writer.bytesWritten));
  return await writer.commit().then(() => 'done', errorCode);
}

const attempts = [await goOn()];
if (attempts[0] !== 'done') attempts.push(await goOn());
const path = BlobFolder.at(root).path(digest);
const onDisk = execFileSync('dd', [`if=${path}`, 'iflag=direct', 'bs=1M', 'status=none'], {
  maxBuffer: 2 * bytes.length,
});
const isRight = onDisk.equals(bytes) && readFileSync(path).equals(bytes);
process.stdout.write(JSON.stringify({ failed, attempts, isRight }));
