import type { HttpsResponse } from '../../../lib/https-client.ts';
import type { ByteRange } from './backend.ts';

/** `short`: the file ends before the range does. `wrong`: another part than the one that was asked for. */
type Reading = Buffer | 'short' | 'wrong';

export function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

/** The bytes of a range from the answer to a request for it: 206 with that part, or 200 with the whole file (RFC 9110 §14.2). */
export async function readRange(response: HttpsResponse, range: ByteRange): Promise<Reading> {
  if (response.status !== 206) return takePart(response.body, range);
  const { offset, length } = range;
  const [, first, last] =
    /^bytes ([0-9]{1,15})-([0-9]{1,15})\//.exec(response.headers['content-range'] ?? '') ?? [];
  const lastAsked = offset + length - 1;
  if (first === undefined || Number(first) !== offset || Number(last) > lastAsked) return 'wrong';
  if (Number(last) < lastAsked) return 'short';
  return takePart(response.body, { offset: 0, length });
}

/** Reads no further than the part's end. */
async function takePart(
  body: AsyncIterable<Uint8Array>,
  { offset, length }: ByteRange,
): Promise<Buffer | 'short'> {
  const part = Buffer.allocUnsafe(length);
  let position = 0;
  for await (const chunk of body) {
    const from = Math.max(0, offset - position);
    if (from < chunk.byteLength) {
      part.set(chunk.subarray(from, offset + length - position), Math.max(0, position - offset));
    }
    position += chunk.byteLength;
    if (position >= offset + length) return part;
  }
  return 'short';
}
