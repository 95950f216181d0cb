import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const lifetimeMs = 5 * 60_000;
const noncePattern = /^([0-9]{1,16})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/**
 * Nonces for recovery that cost no memory until one is used, so that asking for many harms nobody: each carries its end
 * and a MAC by a key of this process. They end with the process.
 */
export class RecoveryNonces {
  readonly #key = randomBytes(32);
  readonly #now: () => Date;
  /** Used nonces until they expire. Only a valid signature adds one. */
  readonly #used = new Map<string, number>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  create(device: string): string {
    const body = `${this.#now().getTime() + lifetimeMs}.${randomBytes(16).toString('base64url')}`;
    return `${body}.${this.#mac(device, body).toString('base64url')}`;
  }

  /** Whether it was made here for this device and is neither old nor used. */
  isGood(device: string, nonce: string): boolean {
    const [, expires = '', random = '', mac = ''] = noncePattern.exec(nonce) ?? [];
    const claimed = Buffer.from(mac, 'base64url');
    const expected = this.#mac(device, `${expires}.${random}`);
    if (claimed.length !== expected.length || !timingSafeEqual(claimed, expected)) return false;
    return Number(expires) > this.#now().getTime() && !this.#used.has(nonce);
  }

  use(nonce: string): void {
    const now = this.#now().getTime();
    for (const [old, expires] of this.#used) if (expires <= now) this.#used.delete(old);
    this.#used.set(nonce, now + lifetimeMs);
  }

  #mac(device: string, body: string): Buffer {
    return createHmac('sha256', this.#key).update(`${device}\n${body}`).digest();
  }
}
