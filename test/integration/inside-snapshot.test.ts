import { beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { InsideFiles } from '../../functions/runtime/build-inside.ts';
import { cachedHost } from '../../functions/runtime/cached-host.ts';
import { hostArguments } from '../../functions/runtime/host-entry.ts';
import { temporaryFolder } from '../support/cli.ts';

/** V8 ends the process over a snapshot that is not its own: one that does not fit is made anew instead. */
let built: InsideFiles;

beforeAll(async () => {
  built = await cachedHost();
});

const reader = pathToFileURL(join(import.meta.dirname, '../../functions/host/inside-snapshot.ts')).href;
const addon = pathToFileURL(join(import.meta.dirname, '../../node_modules/isolated-vm/isolated-vm.js')).href;
const cache = join(import.meta.dirname, '../../node_modules/.cache/holdfast');
const program = `
import ivm from ${JSON.stringify(addon)};
import { openInside } from ${JSON.stringify(reader)};
const { snapshot, origin } = openInside(process.argv[2], process.argv[3]);
const isolate = new ivm.Isolate({ memoryLimit: 16, snapshot });
const context = isolate.createContextSync();
console.log(origin, context.evalSync('typeof AbortSignal'));
process.exit();`;

/** The flags of a host process, which here may read everything. */
const hostFlags = hostArguments({ entry: '', script: '', snapshot: '' }, ['*']).filter((flag) =>
  flag.startsWith('--'),
);

/** Where the snapshot came from, in a process with the flags of a host. */
async function origin(
  { script, snapshot }: InsideFiles,
  flags: readonly string[] = hostFlags,
): Promise<string> {
  await using folder = await temporaryFolder();
  const entry = join(folder.path, 'entry.mjs');
  await writeFile(entry, program);
  return (await promisify(execFile)(process.execPath, [...flags, entry, script, snapshot])).stdout.trim();
}

test('a snapshot that fits is read', async () => {
  expect(await origin(built)).toBe('read function');
});

test.each<[string, (bytes: Buffer) => Buffer]>([
  ['cut short', (bytes) => bytes.subarray(0, bytes.length - 1)],
  ['of one changed bit', (bytes) => bytes.fill((bytes.at(-9) ?? 0) ^ 4, bytes.length - 9, bytes.length - 8)],
  ['for something else', (bytes) => bytes.fill('0', 0, 64)],
  ['empty', (bytes) => bytes.subarray(0, 0)],
])('one that is %s is made anew', async (_what, change) => {
  await using folder = await temporaryFolder();
  const snapshot = join(folder.path, 'inside.snapshot');
  await writeFile(snapshot, change(await readFile(built.snapshot)));
  expect(await origin({ ...built, snapshot })).toBe('made function');
});

test('one that is not there, or belongs to another script, is made anew', async () => {
  await using folder = await temporaryFolder();
  const script = join(folder.path, 'inside.js');
  await copyFile(built.script, script);
  await writeFile(script, `${await readFile(script, 'utf8')};`);
  expect(await origin({ ...built, script })).toBe('made function');
  expect(await origin({ ...built, snapshot: join(folder.path, 'none') })).toBe('made function');
});

test('one that was made with other flags is made anew', async () => {
  expect(await origin(built, [...hostFlags, '--no-opt'])).toBe('made function');
});

test('the cache keeps the files of unchanged sources', async () => {
  expect(await cachedHost()).toEqual(built);
});

test('the cache of another checkout, which came with a copy of the packages, is not believed', async () => {
  const record = join(cache, `host-${process.version}-${process.arch}.json`);
  const own = await readFile(record, 'utf8');
  const { maker, inputs, files } = JSON.parse(own) as { maker: string; inputs: object; files: object };
  const elsewhere = maker.replaceAll(join(import.meta.dirname, '../..'), '/elsewhere');
  const foreign = { ...files, entry: import.meta.filename };
  await writeFile(record, JSON.stringify({ maker: elsewhere, inputs, files: foreign }));
  try {
    expect(await cachedHost()).toEqual(built);
  } finally {
    await writeFile(record, own);
  }
});
