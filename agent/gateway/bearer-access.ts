import { createHash, timingSafeEqual } from 'node:crypto';
import { TokenBucket } from '../../lib/token-bucket.ts';
import { clientKey } from './client-key.ts';
import { limits } from './limits.ts';
import { Refusal } from './refusal.ts';
import type { RequestHead } from './request-head.ts';

/** Checks tokens, and slows down an address that guesses: once its failures are used up it waits, unless its token is right. */
export class BearerAccess {
  readonly #now: (() => number) | undefined;
  /** By address, the one that failed longest ago first. */
  readonly #failures = new Map<string, TokenBucket>();

  constructor(now?: () => number) {
    this.#now = now;
  }

  /** Throws Refusal 401 or 429, or 503 when the device has no such secret: the log says which, the caller is not told. */
  require(request: RequestHead, expected: string | undefined): void {
    if (expected === undefined)
      throw new Refusal(503, 'notReady', 'This route is not ready.', { retryAfterMs: 30_000 });
    const token = /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    // Others behind the address of one who guesses have their tokens; a guess that is right needs no second.
    if (token !== undefined && isSame(token, expected)) return;
    if (token === undefined) throw unauthorized('Bearer');
    const key = clientKey(request.socket.remoteAddress);
    const waitMs = this.#failures.get(key)?.waitMs() ?? 0;
    if (waitMs > 0)
      throw new Refusal(429, 'tooManyFailures', 'Too many requests without a valid token.', {
        retryAfterMs: waitMs,
      });
    this.#failed(key);
    throw unauthorized('Bearer error="invalid_token"');
  }

  #failed(key: string): void {
    const bucket = this.#failures.get(key) ?? new TokenBucket(limits.failures, this.#now);
    bucket.take();
    this.#failures.delete(key);
    this.#failures.set(key, bucket);
    if (this.#failures.size <= limits.rememberedAddresses) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }
}

function unauthorized(challenge: string): Refusal {
  return new Refusal(401, 'unauthorized', 'This route needs a valid token: Authorization: Bearer TOKEN.', {
    headers: { 'www-authenticate': challenge },
  });
}

/** In a time that says nothing about where they differ, nor how long they are. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
