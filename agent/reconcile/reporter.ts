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
  /** The cloud has answered. `isOlder`: it knows of more reports than this disk does; rejects unless that has been acted on, for good. */
  readonly onAnswered?: (answer: { readonly isOlder: boolean }) => Promise<void>;
  readonly logger: Logger;
};

const resendMs = 10_000;
/** No device has ever come near it: a cloud that says more is not followed, for the numbers behind it would come to an end. */
const maxSeq = 2 ** 48;
/** Numbers left out behind the cloud's: two agents that share an identity never come to use the same ones in turn. */
const leap = 100;
/** For so long one hears of another agent that was seen to report as this device. */
const sharedMs = 10 * 60_000;

const shared: Condition = {
  type: 'IdentityShared',
  status: true,
  reason: 'overtaken',
  message:
    'Another agent reports to the cloud as this device: a copy of its folder runs elsewhere. Stop one of the two, and give it a folder and a token of its own.',
};

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
  /** How often the cloud knew of more reports than this disk. */
  #overtaken = 0;
  #overtaking: Promise<void> = Promise.resolve();
  #sharedTimer: NodeJS.Timeout | undefined;
  /** Whether the cloud was asked, on this connection, which number was the last. */
  #asking: 'due' | 'sent' | 'done' = 'due';
  #isFirst = true;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** The state changed. */
  touch(): void {
    this.#dirty = true;
    this.#wake.resolve(undefined);
  }

  /** The link came up. */
  connected(): void {
    this.#asking = 'due';
    this.touch();
  }

  /** The highest number that the cloud has stored. */
  acknowledge(seq: number): void {
    if (seq > this.#options.store.state.reportedSeq) {
      this.#overtaking = this.#overtaking.then(() => this.#goBeyond(seq));
      return;
    }
    this.#acknowledged = Math.max(this.#acknowledged, seq);
    if (this.#asking === 'sent') {
      this.#asking = 'done';
      this.#dirty = true;
    }
    void this.#options.onAnswered?.({ isOlder: false });
    this.#wake.resolve(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake.resolve(undefined);
    clearTimeout(this.#sharedTimer);
    await Promise.all([this.#loop, this.#overtaking]);
  }

  /**
   * A number is on disk before it is used, so this disk is an older one that was put back, or a copy of it runs elsewhere. Until its
   * numbers are beyond those that the cloud has, it takes no report of this device. [G3]
   */
  async #goBeyond(seq: number): Promise<void> {
    const { store, logger, onAnswered } = this.#options;
    const { reportedSeq } = store.state;
    if (seq <= reportedSeq || this.#stop.signal.aborted) return;
    if (seq > maxSeq) {
      logger.error('report.number.refused', { seq, reportedSeq });
      return;
    }
    try {
      // First: once its own numbers are beyond the cloud's, no start would find out any more.
      await onAnswered?.({ isOlder: true });
      await store.update((state) => ({ reportedSeq: Math.max(state.reportedSeq, seq + leap) }));
    } catch (error) {
      // Nothing was acknowledged: the report is sent again, and answered so.
      logger.warn('report.overtaken.failed', { seq, reportedSeq, error });
      return;
    }
    this.#asking = 'done';
    this.#overtaken += 1;
    logger.warn('report.overtaken', {
      ...{ seq, reportedSeq },
      reason: this.#isShared ? shared.message : 'this disk is older than what the cloud was told from it',
    });
    if (this.#isShared) this.#rememberShared();
    this.touch();
  }

  /** An old disk is overtaken once a start: what is said after that is said from here. */
  get #isShared(): boolean {
    return this.#overtaken > 1;
  }

  #rememberShared(): void {
    clearTimeout(this.#sharedTimer);
    this.#sharedTimer = setTimeout(() => {
      this.#sharedTimer = undefined;
      this.touch();
    }, sharedMs).unref();
  }

  async #run(): Promise<void> {
    let sent: number | undefined;
    while (!this.#stop.signal.aborted) {
      this.#wake = Promise.withResolvers();
      if (this.#dirty) sent = await this.#report();
      else if (this.#asking !== 'sent' && sent !== undefined && this.#acknowledged >= sent)
        await this.#wake.promise;
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
    const { send, logger } = this.#options;
    this.#dirty = false;
    // A number is used, and written to disk, only when there is somebody to tell.
    if (!this.#options.isConnected()) return undefined;
    try {
      const seq = await this.#takeNumber();
      await send(this.#compose(seq));
      return seq;
    } catch (error) {
      logger.debug('report.waiting', { error });
      return undefined;
    }
  }

  /**
   * On disk before it is used. The first of a connection is the last that was used: when the cloud has a higher one, it was not used from
   * this disk as it is. A new number could be the cloud's own, and be taken for acknowledged.
   */
  async #takeNumber(): Promise<number> {
    const { store } = this.#options;
    let seq = 0;
    const next = () => store.update(({ reportedSeq }) => ({ reportedSeq: (seq = reportedSeq + 1) }));
    // The write that was lost with a broken copy may have been that of a number which was used.
    if (this.#isFirst && this.#options.recovered()) await next();
    this.#isFirst = false;
    if (this.#asking !== 'done' && store.state.reportedSeq > 0) {
      this.#asking = 'sent';
      return store.state.reportedSeq;
    }
    await next();
    this.#asking = 'done';
    return seq;
  }

  #compose(seq: number): Reported {
    const { observed, current, phase, conditions } = this.#options.store.state;
    return {
      seq,
      observed: observed?.generation ?? null,
      applied: current?.generation ?? null,
      digest: current?.digest ?? null,
      phase,
      conditions: [
        ...conditions,
        ...this.#options.conditions(),
        ...(this.#sharedTimer === undefined ? [] : [shared]),
      ].slice(-32),
      components: this.#options.components(),
      ...(this.#options.recovered() ? { recovered: true } : {}),
    };
  }
}
