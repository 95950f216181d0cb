import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { installTree } from '../../agent/apps/store/install-tree.ts';
import { makingPrefix } from '../../agent/apps/store/store-folders.ts';
import { openFolderVaultStore } from '../../cloud-sync/control-plane/vault/folder-vault-store.ts';
import { BlobFolder } from '../../cloud-sync/oci/blob-folder.ts';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { digestOf } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { makeFolder } from '../../lib/make-folder.ts';

/**
 * `failed-sync-child.mjs FOLDER WAY`: gives a file or a folder a name in `FOLDER`, of which the first fsync is to fail, and does so again.
 * Prints what each attempt came to and what was in the folder then, as JSON.
 */
const [folder = '', way = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const bytes = Buffer.from('new');

async function writeBlob(): Promise<void> {
  const blobs = await BlobFolder.open(join(folder, '..', '..'));
  await using writer = await blobs.createWriter({ digest: digestOf(bytes) });
  await writer.write(bytes);
  await writer.commit();
}

async function makeTree(): Promise<void> {
  const made = join(folder, makingPrefix);
  mkdirSync(made, { recursive: true });
  await installTree(made, join(folder, 'tree'));
}

async function writeToCloud(): Promise<void> {
  const place = { device: basename(folder), type: 'config', name: '' } as const;
  await using writer = await openFolderVaultStore(dirname(folder)).createWriter(place, { maxBytes: 100 });
  await writer.write(bytes);
  await writer.commit();
}

const ways: Readonly<Record<string, (() => Promise<unknown>) | undefined>> = {
  vault: () => openFolderBackend(folder).write('config', '', bytes, { signal }),
  present: () => openFolderBackend(folder).write('config', '', bytes, { signal }),
  blob: writeBlob,
  tree: makeTree,
  cloudPresent: writeToCloud,
  folder: () => makeFolder(join(folder, 'above', 'below')),
  folderTwice: () => Promise.all([makeFolder(join(folder, 'above')), makeFolder(join(folder, 'above'))]),
  // One of them may have been told that it is there for good.
  fileTwice: () => Promise.any([0, 1].map(() => atomicWrite(join(folder, 'file'), bytes))).then(turn),
  atomic: () => atomicWrite(join(folder, 'file'), bytes),
  replaced: () => atomicWrite(join(folder, 'there'), bytes),
};
/** Until the other one has ended too. */
const turn = () => setTimeout(200);
const work = ways[way] ?? (() => Promise.reject(new Error(`What is ${way}?`)));
const attempt = async () => ({
  code: await work().then(() => 'done', errorCode),
  names: readdirSync(folder),
});
mkdirSync(folder, { recursive: true });
const before = { replaced: 'there', present: 'config', cloudPresent: 'config' }[way];
if (way === 'cloudPresent') mkdirSync(join(folder, '.partial'));
if (before !== undefined) writeFileSync(join(folder, before), 'old');
process.stdout.write(JSON.stringify([await attempt(), await attempt()]));
