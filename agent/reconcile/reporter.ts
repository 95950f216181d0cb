import { setTimeout as sleep } from 'node:timers/promises';
import type { Component, Condition, Reported } from '../../cloud-sync/protocol/messages.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StateHolder } from './state-schema.ts';

export type ReporterOptions = {
  readonly store: StateHolder;
  readonly components: () => Record<string, Component>;
  /** Besides those of the state. */
  readonly conditions: () => readonly Condition[];
  readonly recovered: () => boolean;
  readonly isConnected: () => boolean;
  /** Rejects while the link is down. */
  readonly send: (reported: Reported) => Promise<void>;
  readonly logger: Logger;
};

const resendMs = 10_000;

/**
 * Tells the cloud the whole state, again and again until that very state is acknowledged: after a crash in the middle
 * too, because the state itself is on disk. [G3]
 */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #stop = new AbortController();
  #wake = Promise.withResolvers<undefined>();
  #dirty = true;
  #acknowledged = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The state changed, or the link came up. */
  touch(): void {
    this.#dirty = true;
    this.#wake.resolve(undefined);
  }

  acknowledge(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, seq);
    this.#wake.resolve(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake.resolve(undefined);
    await this.#loop;
  }

  async #run(): Promise<void> {
    let sent: number | undefined;
    while (!this.#stop.signal.aborted) {
      this.#wake = Promise.withResolvers();
      if (this.#dirty) sent = await this.#report();
      else if (sent !== undefined && this.#acknowledged >= sent) await this.#wake.promise;
      else if (await this.#outwaited()) this.#dirty = true;
    }
  }

  /** True when nothing woke us within the time after which a report is sent again. */
  async #outwaited(): Promise<boolean> {
    const waiting = new AbortController();
    const signal = AbortSignal.any([waiting.signal, this.#stop.signal]);
    const timeout = sleep(resendMs, true, { signal }).catch(() => false);
    const woken = this.#wake.promise.then(() => false);
    try {
      return await Promise.race([woken, timeout]);
    } finally {
      waiting.abort();
    }
  }

  /** Sends the state as of now; resolves with its number, undefined when it could not be sent. */
  async #report(): Promise<number | undefined> {
    const { store, send, logger } = this.#options;
    this.#dirty = false;
    // A number is used, and written to disk, only when there is somebody to tell.
    if (!this.#options.isConnected()) return undefined;
    try {
      const seq = store.state.reportedSeq + 1;
      await store.update(() => ({ reportedSeq: seq }));
      await send(this.#compose(seq));
      return seq;
    } catch (error) {
      logger.debug('report.waiting', { error });
      return undefined;
    }
  }

  #compose(seq: number): Reported {
    const { observed, current, phase, conditions } = this.#options.store.state;
    return {
      seq,
      observed: observed?.generation ?? null,
      applied: current?.generation ?? null,
      digest: current?.digest ?? null,
      phase,
      conditions: [...conditions, ...this.#options.conditions()].slice(-32),
      components: this.#options.components(),
      ...(this.#options.recovered() ? { recovered: true } : {}),
    };
  }
}
