import type { IncomingMessage } from 'node:http';
import type { BodyBudget } from './body-budget.ts';
import { Refusal } from './refusal.ts';

export type HeldBody = Disposable & { readonly bytes: Buffer };

/** What the headers promise; undefined when they do not say. Node has refused what is no number, or contradicts itself. */
function declaredLength({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  return Number(headers['content-length'] ?? 0);
}

/** Throws Refusal 413 for a body that says it is too large, before a byte of it is read. */
export function refuseTooLarge(request: IncomingMessage, maxBytes: number): void {
  if ((declaredLength(request) ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/** Reads a whole body within `budget`, which gets it back at disposal. Rejects with Refusal 413 or 503, or as the stream does. */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, budget }: { readonly maxBytes: number; readonly budget: BodyBudget },
): Promise<HeldBody> {
  const pieces: Buffer[] = [];
  let size = 0;
  const giveBack = (): void => budget.giveBack(size);
  try {
    // The refusal of a large body still needs the socket.
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (size + piece.byteLength > maxBytes) throw tooLarge(maxBytes);
      budget.take(piece.byteLength);
      size += piece.byteLength;
      pieces.push(piece);
    }
    return { bytes: Buffer.concat(pieces, size), [Symbol.dispose]: giveBack };
  } catch (error) {
    giveBack();
    throw error;
  }
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, 'tooLarge', `The body is larger than the ${maxBytes} bytes this route takes.`);
}
