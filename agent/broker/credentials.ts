import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export type VerifyPassword = (hash: string, password: string) => Promise<boolean>;

/** Slow hashes computed at once, and logins that may wait for one. */
const maxConcurrent = 2;
const maxWaiting = 256;
const maxRemembered = 4096;

export type Verdict = 'accepted' | 'refused' | 'busy';

/**
 * Checks passwords against their slow hashes. A password that was right is remembered as an HMAC under a key of this
 * process, so that a reconnecting fleet of sensors costs one scrypt each, once.
 */
export class Credentials {
  readonly #verify: VerifyPassword;
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, Buffer>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(verify: VerifyPassword) {
    this.#verify = verify;
  }

  /** Whether this password was right before. */
  isKnown(hash: string, password: string): boolean {
    const known = this.#remembered.get(hash);
    return known !== undefined && timingSafeEqual(known, this.#markOf(password));
  }

  /**
   * 'busy' when too many logins wait already, or when `mayTry` says no at the time that it is this one's turn: others may have
   * failed while it waited.
   */
  async check(hash: string, password: string, mayTry = (): boolean => true): Promise<Verdict> {
    if (this.isKnown(hash, password)) return 'accepted';
    if (!(await this.#enter())) return 'busy';
    try {
      if (this.isKnown(hash, password)) return 'accepted';
      if (!mayTry()) return 'busy';
      if (!(await this.#verify(hash, password))) return 'refused';
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
      this.#remembered.set(hash, this.#markOf(password));
      return 'accepted';
    } finally {
      this.#leave();
    }
  }

  #markOf(password: string): Buffer {
    return createHmac('sha256', this.#key).update(password).digest();
  }

  async #enter(): Promise<boolean> {
    if (this.#running < maxConcurrent) {
      this.#running++;
      return true;
    }
    if (this.#waiting.length >= maxWaiting) return false;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return true;
  }

  /** The place goes to the next in line, or is freed. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}
