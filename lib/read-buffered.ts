/**
 * All that a stream in paused mode has buffered, or null when that is nothing. `read` is its own `read()`, which may give only
 * the first of several chunks; until one call found nothing, no 'readable' tells of the rest.
 */
export function readBuffered(read: () => Buffer | null): Buffer | null {
  const first = read();
  if (first === null) return null;
  const chunks = [first];
  for (let next = read(); next !== null; next = read()) chunks.push(next);
  return chunks.length === 1 ? first : Buffer.concat(chunks);
}
