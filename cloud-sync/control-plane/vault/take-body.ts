/** A TLS record is 16 KiB: written one by one they cost more than they carry. */
const pieceBytes = 256 * 2 ** 10;

/**
 * Gives a body to `take` in large pieces. After a failure the rest is still read, up to `maxBytes` in all: a client that is cut off in
 * the middle of its body would not hear why.
 */
export async function takeBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let bytes = 0;
  const flush = async () => {
    const piece = Buffer.concat(waiting, waitingBytes);
    [waiting, waitingBytes] = [[], 0];
    try {
      if (!failure) await take(piece);
    } catch (error) {
      failure = { error };
    }
  };
  for await (const chunk of body) {
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    bytes += chunk.byteLength;
    if (waitingBytes >= pieceBytes) await flush();
    if (failure && bytes > maxBytes) break;
  }
  if (waitingBytes > 0) await flush();
  if (failure) throw failure.error;
}
