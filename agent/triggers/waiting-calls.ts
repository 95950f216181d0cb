import { AgentError } from '../errors.ts';
import type { InvocationEvent, InvocationResult } from './ports.ts';

export type CallOptions = {
  /** Ends the call: at once while it waits, by interrupting the function while it runs. */
  readonly signal: AbortSignal;
  /** How many functions called each other before: what this one publishes or calls has one more. */
  readonly depth?: number | undefined;
  /** Under which the function's logs are kept; a new one by default. */
  readonly invocation?: string | undefined;
};

export type WaitingCall = {
  readonly event: InvocationEvent;
  readonly options: CallOptions;
  readonly answer: PromiseWithResolvers<InvocationResult>;
};

const maxWaiting = 1000;

/** Callers who wait for their turn, in order. */
export class WaitingCalls {
  readonly #calls: WaitingCall[] = [];

  /** Rejects with 'queueFull' or the signal's reason while it waits; else the one who takes it settles it. */
  async add(name: string, event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    const { signal } = options;
    if (this.#calls.length >= maxWaiting)
      throw new AgentError('queueFull', `${this.#calls.length} calls of ${name} wait already`, {
        transient: true,
      });
    const answer = Promise.withResolvers<InvocationResult>();
    const call = { event, options, answer };
    const leave = (): void => {
      const at = this.#calls.indexOf(call);
      if (at === -1) return;
      this.#calls.splice(at, 1);
      answer.reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#calls.push(call);
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  take(): WaitingCall | undefined {
    return this.#calls.shift();
  }

  refuse(error: AgentError): void {
    for (const { answer } of this.#calls.splice(0)) answer.reject(error);
  }
}
