import type { Logger } from '../../../lib/logger.ts';
import { describeFailure } from '../../reconcile/failure.ts';
import { checkOf } from '../health/check-of.ts';
import { HealthWatch } from '../health/health-watch.ts';
import type { Instance, Launcher } from '../ports.ts';
import {
  firstState,
  next,
  type AppEvent,
  type AppPhase,
  type AppState,
  type End,
  type Obstacle,
  type StoppedBy,
} from './app-state.ts';
import type { Clock } from './clock.ts';
import { spokenExit } from './spoken.ts';
import type { WantedApp } from './wanted-apps.ts';

export type SupervisedAppOptions = {
  readonly wanted: WantedApp;
  readonly launcher: Pick<Launcher, 'start'>;
  /** What keeps it from starting now. */
  readonly obstacle: (wanted: WantedApp) => Promise<Obstacle | undefined>;
  /** Before each start: what it finds when it runs. */
  readonly prepare: (wanted: WantedApp) => Promise<void>;
  /** It is in another phase than before. The listener must not throw. */
  readonly onChange: (app: SupervisedApp) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** What an earlier agent started. */
  readonly adopted?: Instance | undefined;
  /** How it begins; waiting for its start when it is left out. */
  readonly phase?: AppPhase | undefined;
};

/** How often a start that is held back is looked at again. */
const lookEveryMs = 500;
/** After a step that failed for a reason of this machine. */
const repeatMs = 1000;
const lineMaxChars = 200;

/** One app, kept in the state that its manifest wants: a loop that does what the present phase asks for. */
export class SupervisedApp {
  readonly #options: SupervisedAppOptions;
  #launched = heldPromise();
  #wanted: WantedApp;
  #state: AppState;
  #instance: Instance | undefined;
  #health: HealthWatch | undefined;
  #lastLine: string | undefined;
  #stopping = new AbortController();
  #poke = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: SupervisedAppOptions) {
    const { wanted, adopted, clock, phase } = options;
    this.#options = options;
    this.#wanted = wanted;
    const nowMs = clock.now();
    const state = firstState(nowMs);
    this.#state = phase ? { ...state, phase } : state;
    if (phase) this.#launched.resolve(undefined);
    if (!adopted) return;
    // The machine's clock may have been set back since.
    const sinceMs = nowMs - Math.max(0, Date.now() - adopted.startedAt.getTime());
    this.#state = { ...state, phase: { kind: 'running', sinceMs, isWell: false } };
    // However long it has run: its checks begin now.
    this.#begin(adopted, nowMs);
  }

  get wanted(): WantedApp {
    return this.#wanted;
  }

  get state(): AppState {
    return this.#state;
  }

  get instance(): Instance | undefined {
    return this.#instance;
  }

  /** Of the last check; undefined before it, and without checks. */
  get healthText(): string | undefined {
    return this.#health?.text;
  }

  /** That it wrote, cut. */
  get lastLine(): string | undefined {
    return this.#lastLine;
  }

  /** Resolves when its start has been done or is held back. Rejects with what the launcher rejects with, until a later start is done. */
  get launched(): Promise<undefined> {
    return this.#launched.promise;
  }

  /** Begins, or begins again after `stop`; what ended stays so. */
  start(): void {
    this.#launched = heldPromise();
    const { kind } = this.#state.phase;
    if (kind === 'stopped') this.#take({ kind: 'due' });
    if (kind === 'running' || kind === 'ended') this.#launched.resolve(undefined);
    this.#stopping = new AbortController();
    this.#loop = this.#live(this.#stopping.signal);
  }

  /** Resolves when nothing of it is left. Rejects with what the launcher rejects with. */
  async stop(by: StoppedBy): Promise<void> {
    this.#stopping.abort();
    if (this.#state.phase.kind !== 'stopped') this.#take({ kind: 'stopping' });
    await this.#loop;
    await this.#stopInstance();
    this.#hasLaunched();
    this.#take({ kind: 'stopped', by });
  }

  /** Ends the watch over it; it goes on to run. A step under way is finished. */
  async leave(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** Follows what changed without another run: health, restart policy, how it is stopped. */
  update(wanted: WantedApp): void {
    const isChecked = JSON.stringify(wanted.spec.health) !== JSON.stringify(this.#wanted.spec.health);
    this.#wanted = wanted;
    if (isChecked && this.#instance) {
      const state = this.#health?.state;
      const { phase } = this.#state;
      const isWell = phase.kind === 'running' && phase.isWell;
      this.#health = this.#watchOver(this.#instance, this.#options.clock.now(), isWell ? state : undefined);
    }
    this.wake();
  }

  /** Something that it may wait for has changed. */
  wake(): void {
    this.#poke.abort();
    this.#poke = new AbortController();
  }

  heard(line: string): void {
    const text = line.replaceAll(/\p{C}+/gu, ' ').trim();
    if (text !== '') this.#lastLine = text.slice(0, lineMaxChars);
  }

  async #live(signal: AbortSignal): Promise<void> {
    for (;;) {
      const event = await this.#step(signal).catch((error: unknown) => this.#stumble(error, signal));
      if (signal.aborted) return;
      if (event) this.#take(event);
    }
  }

  async #step(signal: AbortSignal): Promise<AppEvent | undefined> {
    const { phase } = this.#state;
    const { clock } = this.#options;
    switch (phase.kind) {
      case 'waiting':
        return this.#wait(phase.obstacle !== undefined, signal);
      case 'starting':
        return this.#launch();
      case 'running':
        return this.#watch(signal);
      case 'ailing':
        await this.#stopInstance();
        return { kind: 'gone' };
      case 'backingOff':
        await clock.sleep(phase.untilMs - clock.now(), signal);
        return { kind: 'due' };
      case 'ended':
      case 'stopping':
      case 'stopped':
        await aborted(signal);
        return undefined;
      default:
        return phase satisfies never;
    }
  }

  /** The disk, the process table: what may be better the next time. */
  async #stumble(error: unknown, signal: AbortSignal): Promise<undefined> {
    if (signal.aborted) return;
    this.#options.logger.error('app.supervise.failed', { app: this.#wanted.name, error });
    await this.#options.clock.sleep(repeatMs, signal).catch(() => undefined);
  }

  async #wait(isHeldBack: boolean, signal: AbortSignal): Promise<AppEvent> {
    const { clock, obstacle } = this.#options;
    if (isHeldBack) {
      const either = AbortSignal.any([signal, this.#poke.signal]);
      await clock.sleep(lookEveryMs, either).catch(() => undefined);
    }
    const found = await obstacle(this.#wanted);
    return found ? { kind: 'blocked', obstacle: found } : { kind: 'ready' };
  }

  async #launch(): Promise<AppEvent> {
    const { launcher, prepare, clock } = this.#options;
    const beganMs = clock.now();
    try {
      await prepare(this.#wanted);
      this.#begin(await launcher.start(this.#wanted.launch), clock.now());
      return { kind: 'launched' };
    } catch (error) {
      this.#launched.reject(error);
      const text = describeFailure(error).message;
      const ranMs = clock.now() - beganMs;
      return { kind: 'ended', end: { kind: 'startFailed', isGood: false, text, ranMs } };
    }
  }

  #begin(instance: Instance, sinceMs: number): void {
    this.#instance = instance;
    this.#health = this.#watchOver(instance, sinceMs);
  }

  #watchOver(instance: Instance, sinceMs: number, state?: HealthWatch['state']): HealthWatch {
    const { health } = this.#wanted.spec;
    return new HealthWatch({
      check: health && checkOf(health, instance),
      times: health ?? { every: 0, grace: 0, failures: 1 },
      ...{ sinceMs, clock: this.#options.clock },
      ...(state && { state }),
    });
  }

  async #watch(signal: AbortSignal): Promise<AppEvent | undefined> {
    const [instance, health] = [this.#instance, this.#health];
    if (!instance || !health) throw new Error(`App ${this.#wanted.name} runs without an instance`);
    const over = new AbortController();
    const watching = AbortSignal.any([signal, this.#poke.signal, over.signal]);
    const judged = health.change(watching).then(
      (verdict) => this.#judge(verdict),
      (error: unknown) => {
        if (!watching.aborted) throw error;
        return undefined;
      },
    );
    try {
      return await Promise.race([instance.exited.then((reason) => this.#exit(reason)), judged]);
    } finally {
      over.abort();
      judged.catch(() => undefined);
    }
  }

  #judge(verdict: HealthWatch['state']['verdict']): AppEvent {
    if (verdict !== 'unhealthy') return { kind: 'well' };
    const text = `is not well: ${this.#health?.text ?? 'it was never checked'}${this.#networkHint()}`;
    return { kind: 'ended', end: { kind: 'unhealthy', isGood: false, text, ranMs: this.#ranMs() } };
  }

  #networkHint(): string {
    const { spec, launch } = this.#wanted;
    const isInside = !spec.health || 'exec' in spec.health || launch.network === 'host';
    return isInside ? '' : ' (the app has no network of this machine: declare its ports, or check by exec)';
  }

  #exit(reason: Awaited<Instance['exited']>): AppEvent {
    this.#instance = undefined;
    const ranMs = this.#ranMs();
    const isGood = reason.kind === 'exited' && reason.code === 0;
    const end: End = { kind: 'exited', isGood, text: spokenExit(reason, ranMs), ranMs };
    return { kind: 'ended', end };
  }

  #ranMs(): number {
    const { phase } = this.#state;
    return phase.kind === 'running' ? this.#options.clock.now() - phase.sinceMs : 0;
  }

  async #stopInstance(): Promise<void> {
    const { run, stopSignal } = this.#wanted;
    await this.#instance?.stop({ signal: stopSignal, graceMs: run.stop.grace });
    this.#instance = undefined;
  }

  #take(event: AppEvent): void {
    const { clock, random, onChange } = this.#options;
    const { restart } = this.#wanted.run;
    const before = this.#state;
    this.#state = next(before, event, { nowMs: clock.now(), restart, random });
    if (event.kind === 'blocked' || event.kind === 'launched') this.#hasLaunched();
    if (event.kind === 'launched') this.#lastLine = undefined;
    if (event.kind === 'ended') this.#log(event.end);
    if (JSON.stringify(before) !== JSON.stringify(this.#state)) onChange(this);
  }

  /** A refusal of before is told to who waited then, and to nobody who asks from now on. */
  #hasLaunched(): void {
    this.#launched.resolve(undefined);
    this.#launched = heldPromise();
    this.#launched.resolve(undefined);
  }

  #log(end: End): void {
    const { logger } = this.#options;
    const fields = { app: this.#wanted.name, reason: end.text };
    if (end.isGood) logger.info('app.ended', fields);
    else logger.warn('app.ended', fields);
  }
}

/** Who configures hears of a failure; later ones are told by the state. */
function heldPromise(): PromiseWithResolvers<undefined> {
  const held = Promise.withResolvers<undefined>();
  held.promise.catch(() => undefined);
  return held;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
