import { graceOf } from './grace-of.ts';
import type { SupervisedApp } from './supervised-app.ts';
import { verdictOf, type Trial, type Verdict } from './verdict-of.ts';

/** An app of a generation, and how it does on trial. */
export class AppEntry {
  readonly app: SupervisedApp;
  #trial: Trial;
  /** It was not well before this generation, which leaves it as it is. */
  #isExcused = false;
  /** So it was when it was halted. */
  #wasIll = false;
  /** When it began to try to be well; undefined while it waits for others. */
  #tryingSinceMs: number | undefined;

  constructor(app: SupervisedApp, { isReplacement }: { readonly isReplacement: boolean }) {
    this.app = app;
    this.#trial = { endsBefore: 0, isReplacement, patienceMs: graceOf(app.wanted) };
  }

  verdict(nowMs: number): Verdict {
    return this.#isExcused ? { kind: 'well' } : verdictOf(this.app.state, this.#trial, nowMs);
  }

  /** How long it has been trying to be well. */
  tryingMs(nowMs: number): number {
    return this.#tryingSinceMs === undefined ? 0 : nowMs - this.#tryingSinceMs;
  }

  /** It is about to be halted: how it does now is what the next trial asks for. */
  beforeHalt(nowMs: number): void {
    this.#wasIll = this.#isIll(nowMs);
  }

  /** Another generation leaves it as it is. `isTried`: it is not of one that was on trial until now. */
  beginTrial(nowMs: number, isTried: boolean): void {
    const { state, wanted } = this.app;
    const isIll = state.phase.kind === 'stopped' ? this.#wasIll : this.#isIll(nowMs);
    this.#isExcused = isTried && isIll;
    const endsBefore = isTried ? state.ends : this.#trial.endsBefore;
    this.#trial = { ...this.#trial, endsBefore, patienceMs: graceOf(wanted) };
  }

  /** Not well, and not only because it has just been started for the first time. */
  #isIll(nowMs: number): boolean {
    const { phase, lastEnd } = this.app.state;
    const { kind } = verdictOf(this.app.state, this.#trial, nowMs);
    const isBroken = phase.kind === 'backingOff' && lastEnd?.isGood === false;
    return isBroken || kind === 'unhealthy' || (kind === 'pending' && lastEnd !== undefined);
  }

  /** It is in another phase than before. */
  noteChange(nowMs: number): void {
    const { phase } = this.app.state;
    const isWaiting = phase.kind === 'waiting' && phase.obstacle?.kind === 'predecessor';
    if (isWaiting || phase.kind === 'stopped') this.#tryingSinceMs = undefined;
    else this.#tryingSinceMs ??= nowMs;
  }
}
