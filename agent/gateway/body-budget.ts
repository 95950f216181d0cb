import { limits } from './limits.ts';
import { Refusal } from './refusal.ts';

/** The memory that request bodies share. */
export class BodyBudget {
  #held = 0;

  get held(): number {
    return this.#held;
  }

  /** Throws Refusal 503 when there is no room for `bytes` more. */
  take(bytes: number): void {
    if (this.#held + bytes > limits.bodyBytes)
      throw new Refusal(503, 'overloaded', 'Too many large requests are under way.', { retryAfterMs: 1000 });
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}
