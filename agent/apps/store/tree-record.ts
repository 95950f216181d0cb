import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { digestOf } from '../../../lib/digest.ts';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { firstDifference, listTree } from './list-tree.ts';
import { rootfsOf } from './store-folders.ts';

const recordSchema = z.strictObject({
  version: z.literal(1),
  /** SHA-256 of the lines of its entries. */
  entries: z.string(),
  /** Of the tar of its topmost layer: about what this tree has that the one below it has not. */
  layerBytes: z.int(),
  /** Running a file of it gives other rights than the caller's: set-id bits, or capabilities of files. */
  givesRights: z.boolean(),
  /** Some layer had a file with capabilities. */
  hasCapabilities: z.boolean(),
});
export type TreeRecord = z.output<typeof recordSchema>;

/** More than the lines of as many entries as a layer may have. */
const maxEntriesBytes = 2 ** 29;

/** Writes down what a tree is like now. */
export async function writeTreeRecord(
  folder: string,
  { layerBytes, hasCapabilities }: Pick<TreeRecord, 'layerBytes' | 'hasCapabilities'>,
): Promise<TreeRecord> {
  const { lines, setsIds } = listTree(rootfsOf(folder));
  const text = lines.join('\n');
  const givesRights = setsIds || hasCapabilities;
  const record: TreeRecord = {
    version: 1,
    entries: digestOf(text),
    layerBytes,
    givesRights,
    hasCapabilities,
  };
  await writeFile(join(folder, 'entries.zst'), zstdCompressSync(text), { mode: 0o600 });
  await writeFile(join(folder, 'tree.json'), JSON.stringify(record), { mode: 0o600 });
  return record;
}

/** Undefined when there is none, or what is there is none. */
export async function readTreeRecord(folder: string): Promise<TreeRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(join(folder, 'tree.json'), 'utf8')));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || code === 'ENOENT' || code === 'ENOTDIR' || code === 'EIO') return undefined;
    throw error;
  }
}

export type TreeState =
  | { readonly kind: 'good'; readonly record: TreeRecord }
  | { readonly kind: 'absent' }
  /** `why` is for people. */
  | { readonly kind: 'damaged'; readonly why: string };

/** Compares a tree with what was written down of it: every entry's type, mode, owner, size and time, not the contents. */
export async function checkTree(folder: string): Promise<TreeState> {
  const record = await readTreeRecord(folder);
  const lines = linesOf(rootfsOf(folder));
  if (typeof lines === 'string') return { kind: 'damaged', why: lines };
  if (lines === undefined && !record) return { kind: 'absent' };
  if (lines === undefined) return { kind: 'damaged', why: 'the tree is gone' };
  if (!record) return { kind: 'damaged', why: 'its record is gone' };
  if (digestOf(lines.join('\n')) === record.entries) return { kind: 'good', record };
  return { kind: 'damaged', why: await differenceOf(folder, lines) };
}

/** Undefined when there is no tree; a text when it cannot be read. */
function linesOf(rootfs: string): readonly string[] | string | undefined {
  try {
    return listTree(rootfs).lines;
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : errorMessage(error);
  }
}

async function differenceOf(folder: string, lines: readonly string[]): Promise<string> {
  try {
    const packed = await readFile(join(folder, 'entries.zst'));
    const text = zstdDecompressSync(packed, { maxOutputLength: maxEntriesBytes }).toString('utf8');
    return firstDifference(text.split('\n'), lines) ?? 'its record is damaged';
  } catch {
    return 'its record is damaged';
  }
}
