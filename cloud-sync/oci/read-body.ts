import { BodyTooLargeError, type HttpsResponse } from '../../lib/https-client.ts';
import { RateGuard, type RateGuardOptions } from './rate-guard.ts';

const usual: RateGuardOptions = { minBytesPerSecond: 1024, windowMs: 30_000, now: () => performance.now() };

/** All of a small answer. Rejects with a `BodyTooLargeError`, and with `rateTooLow` for one that trickles: a piece now and then is no silence. */
export async function readBody(
  { body }: Pick<HttpsResponse, 'body'>,
  { maxBytes, what, rate = usual }: { maxBytes: number; what: string; rate?: RateGuardOptions },
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of new RateGuard(rate).watch(body)) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw new BodyTooLargeError(what, maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}
