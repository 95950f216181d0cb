import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pick } from './mutate.ts';

type Random = () => number;
/** However long a broker takes to answer nonsense: the client goes. */
const mostWaitMs = 40;

/** Sends bytes cut anywhere, waits a moment, and leaves in one of several ways. Never rejects. */
export async function sendSession(stream: Duplex, packets: readonly Buffer[], random: Random): Promise<void> {
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  // A refusal shows as an error here; what it does to the broker is what counts.
  stream.on('error', () => undefined);
  stream.resume();
  const style = pick(random, ['at once', 'by packet', 'torn'] as const);
  for (const piece of piecesOf(packets, style, random)) {
    if (stream.destroyed) break;
    stream.write(piece);
    if (style === 'torn') await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.race([closed, sleep(random() * mostWaitMs)]);
  if (random() < 0.5) stream.end();
  else stream.destroy();
  await Promise.race([closed, sleep(mostWaitMs)]);
  stream.destroy();
  await closed;
}

function piecesOf(
  packets: readonly Buffer[],
  style: 'at once' | 'by packet' | 'torn',
  random: Random,
): Buffer[] {
  if (style === 'by packet') return packets.filter(({ length }) => length > 0);
  const all = Buffer.concat(packets);
  if (style === 'at once' || all.length === 0) return all.length === 0 ? [] : [all];
  const pieces: Buffer[] = [];
  for (let at = 0; at < all.length;) {
    const end = at + 1 + Math.floor(random() * Math.max(7, all.length / 20));
    pieces.push(all.subarray(at, end));
    at = end;
  }
  return pieces;
}
