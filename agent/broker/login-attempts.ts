import { isIPv6 } from 'node:net';

/** Wrong passwords for one client from one place: this many at once, and one more after each interval. */
const burst = 10;
const intervalMs = 1000;
/** Places and clients that are remembered; the one whose last fault is longest ago gives way. */
const maxRemembered = 4096;

/**
 * Slows down who guesses passwords. A client that was let in since the start of the agent is not concerned: its password is
 * recognised before.
 */
export class LoginAttempts {
  readonly #now: () => Date;
  /** When all faults will be forgotten, milliseconds since 1970. In order of the last fault. */
  readonly #faultsUntil = new Map<string, number>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Whether a password from there for the client may be looked at now. */
  mayTry(address: string | undefined, client: string): boolean {
    const until = this.#faultsUntil.get(keyOf(address, client));
    if (until === undefined) return true;
    const restMs = until - this.#now().getTime();
    // More than faults can add up to: the clock was set back.
    return restMs <= (burst - 1) * intervalMs || restMs > burst * intervalMs;
  }

  /** It was wrong. */
  noteFault(address: string | undefined, client: string): void {
    const key = keyOf(address, client);
    const time = this.#now().getTime();
    const before = Math.min(this.#faultsUntil.get(key) ?? time, time + (burst - 1) * intervalMs);
    this.#faultsUntil.delete(key);
    this.#faultsUntil.set(key, Math.max(time, before) + intervalMs);
    const [longest] = this.#faultsUntil.keys();
    if (this.#faultsUntil.size > maxRemembered && longest !== undefined) this.#faultsUntil.delete(longest);
  }
}

/** Whoever has one address of IPv6 has 2^64 of them. */
function keyOf(address = '', client: string): string {
  const place =
    isIPv6(address) && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
  return `${place} ${client}`;
}
