import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../../test/support/cli.ts';
import { blobIdOf } from '../format/blob-id.ts';
import { createMasterKey } from '../format/master-key.ts';
import { readEntries, writeEntries } from './entries-memory.ts';
import { factNames, packedFacts } from './file-facts.ts';
import type { ListedEntries } from './folder-entries.ts';

const tree = blobIdOf(Buffer.from('tree'));
const key = createMasterKey();

function listed(...names: string[]): ListedEntries {
  const facts = packedFacts(names.length).map((_, at) => BigInt(at) - 5n);
  return { joinedNames: names.join('\0'), facts };
}

const folders = [listed('a', 'ä', '\u{1f600}'), undefined, listed(), listed('one')];

test('entries of folders are remembered, each with its facts', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'entries');
  await writeEntries(path, key, { tree, folders });
  const read = await readEntries(path, key, tree);
  expect(folders.map((_, number) => read?.of(number))).toEqual(folders);
  expect(read?.of(2)?.facts).toHaveLength(0);
  expect(read?.of(0)?.facts).toHaveLength(3 * factNames.length);
});

test('nothing is believed of another tree or key, or that somebody changed', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'entries');
  expect(await readEntries(path, key, tree)).toBeUndefined();
  await writeEntries(path, key, { tree, folders });
  expect(await readEntries(path, createMasterKey(), tree)).toBeUndefined();
  expect(await readEntries(path, key, blobIdOf(Buffer.from('other')))).toBeUndefined();
  const bytes = readFileSync(path);
  for (const at of [0, 40, 70, 80, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    writeFileSync(path, changed);
    expect(await readEntries(path, key, tree)).toBeUndefined();
  }
  for (const length of [0, 31, 71, bytes.length - 1]) {
    writeFileSync(path, bytes.subarray(0, length));
    expect(await readEntries(path, key, tree)).toBeUndefined();
  }
});
