import { FileBlobIndex } from './blob-index.ts';
import type { TableParts } from './blob-table.ts';
import type { MasterKey } from './format/master-key.ts';
import { macBytes, readWithMac, writeWithMac } from './memory-mac.ts';

/** The parts of a table beside its words, and of these how many there are of each. */
type Head = Pick<TableParts, 'packs' | 'chains'> & {
  readonly version: number;
  readonly files: readonly string[];
  readonly words: Readonly<Record<(typeof wordLists)[number], number>>;
};

const purpose = 'holdfast index memory 1';
const wordLists = ['factors', 'ids', 'entries', 'buckets'] as const;
/** Where the bytes of the head begin: behind the MAC and their number. */
const headAt = macBytes + 8;
const wordBytes = Uint32Array.BYTES_PER_ELEMENT;

/**
 * Writes what index files say, decoded: to be read in a twentieth of the time. It is believed as far as the files are there (whoever
 * takes away or moves a blob replaces them), so it must say nothing that they do not.
 */
export async function writeIndexMemory(path: string, key: MasterKey, index: FileBlobIndex): Promise<void> {
  const { packs, chains, ...lists } = index.parts;
  const words = Object.fromEntries(wordLists.map((name) => [name, lists[name].length])) as Head['words'];
  const head: Head = { version: 1, files: index.files, packs, chains, words };
  const text = Buffer.from(JSON.stringify(head));
  const wordsAt = whereWordsAre(text.byteLength);
  const total = wordLists.reduce((sum, name) => sum + lists[name].byteLength, wordsAt);
  const bytes = Buffer.alloc(total);
  bytes.writeDoubleLE(text.byteLength, macBytes);
  text.copy(bytes, headAt);
  let at = wordsAt;
  for (const name of wordLists) {
    const { buffer, byteOffset, byteLength } = lists[name];
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  await writeWithMac(path, key, purpose, bytes);
}

/** What `writeIndexMemory` wrote with this key; undefined for anything else: it saves time, nothing depends on it. */
export async function readIndexMemory(path: string, key: MasterKey): Promise<FileBlobIndex | undefined> {
  const read = await readWithMac(path, key, purpose);
  if (read === undefined) return undefined;
  // By its MAC it is what `writeIndexMemory` made, perhaps that of another version.
  const textBytes = read.readDoubleLE(macBytes);
  const head = JSON.parse(read.toString('utf8', headAt, headAt + textBytes)) as Head;
  return head.version === 1 ? indexOf(read, head, whereWordsAre(textBytes)) : undefined;
}

function indexOf(
  read: Buffer<ArrayBuffer>,
  { files, packs, chains, words }: Head,
  from: number,
): FileBlobIndex {
  // Words are read where they lie.
  const bytes = read.byteOffset % wordBytes === 0 ? read : Buffer.from(new Uint8Array(read).buffer);
  let at = bytes.byteOffset + from;
  const next = (name: (typeof wordLists)[number]): Uint32Array<ArrayBuffer> => {
    const list = new Uint32Array(bytes.buffer, at, words[name]);
    at += list.byteLength;
    return list;
  };
  const [factors, ids, entries, buckets] = [next('factors'), next('ids'), next('entries'), next('buckets')];
  return FileBlobIndex.of(files, { packs, chains, factors, ids, entries, buckets });
}

function whereWordsAre(textBytes: number): number {
  return headAt + Math.ceil(textBytes / wordBytes) * wordBytes;
}
