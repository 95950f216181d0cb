export type DataRun = { readonly start: number; readonly end: number };

const pageBytes = 4_096;
/** A shorter run of zeros is written: a hole costs more than it saves. */
const minHoleBytes = 32_768;
const zeros = Buffer.alloc(pageBytes);

/**
 * What of `bytes`, which go to `position` of a file, has to be written when longer runs of zeros become holes: runs in order, from and
 * to a place in `bytes`. Holes begin and end with pages of the file.
 */
export function dataRuns(bytes: Uint8Array, position: number): DataRun[] {
  const runs: DataRun[] = [];
  let start = 0;
  for (let at = firstPage(position); at + minHoleBytes <= bytes.length;) {
    const end = endOfZeros(bytes, at);
    if (end - at < minHoleBytes) {
      at = end + pageBytes;
      continue;
    }
    if (at > start) runs.push({ start, end: at });
    start = end;
    at = end + pageBytes;
  }
  if (start < bytes.length) runs.push({ start, end: bytes.length });
  return runs;
}

/** Where in the bytes the first page begins. */
function firstPage(position: number): number {
  return (pageBytes - (position % pageBytes)) % pageBytes;
}

function endOfZeros(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at + pageBytes <= bytes.length && isZeroPage(bytes, at)) at += pageBytes;
  return at;
}

function isZeroPage(bytes: Uint8Array, at: number): boolean {
  // Most pages tell by their first and last byte.
  if (bytes[at] !== 0 || bytes[at + pageBytes - 1] !== 0) return false;
  return zeros.compare(bytes, at, at + pageBytes) === 0;
}
