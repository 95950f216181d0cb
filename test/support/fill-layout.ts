import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { SyncError } from '../../cloud-sync/errors.ts';
import { digestOf } from '../../lib/digest.ts';

/** Run in a process of its own on a small file system: fills it by a layout and tells what happened as JSON. */
const folder = join(process.argv[2] ?? '', 'layout');
const layout = await OciLayout.open(folder);
const small = Buffer.from('small');
await layout.writeBlob(digestOf(small), small);

const large = randomBytes(2 ** 21);
const failure = await failureOf(() => layout.writeBlob(digestOf(large), large));
const installed = await layout.has(digestOf(large));
const left = await readdir(join(folder, '.partial'));
const earlier = await layout.isWhole(digestOf(small));

await writeFile(join(folder, 'filler'), randomBytes(2 ** 20)).catch(() => undefined);
const descriptor = { mediaType: 'x/y', digest: digestOf(small), size: small.byteLength };
const tag = await failureOf(() => layout.tag('v1', descriptor));
await rm(join(folder, 'filler'));
await layout.tag('v1', descriptor);
const medium = randomBytes(2 ** 18);
await layout.writeBlob(digestOf(medium), medium);
const afterwards = await layout.isWhole(digestOf(medium));

const { code, transient } = failure ?? {};
console.log(
  JSON.stringify({ failure: code, transient, installed, left, earlier, tag: tag?.code, afterwards }),
);

async function failureOf(work: () => Promise<void>): Promise<SyncError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
}
