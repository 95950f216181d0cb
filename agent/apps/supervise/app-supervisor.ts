import { Slots } from '../../../cloud-sync/oci/image/slots.ts';
import type { Component } from '../../../cloud-sync/protocol/messages.ts';
import { digestOf } from '../../../lib/digest.ts';
import type { Machine } from '../../../manifests/machine.ts';
import { ChangeSignal } from '../../change-signal.ts';
import { AgentError } from '../../errors.ts';
import type { AppImages, AppLine, Apps } from '../ports.ts';
import { AdoptedInstances } from './adopted-instances.ts';
import { allOf } from './all-of.ts';
import { componentOf } from './app-component.ts';
import { AppEntry } from './app-entry.ts';
import { AppLocks } from './app-locks.ts';
import { AppMemory } from './app-memory.ts';
import { AppSecrets } from './app-secrets.ts';
import type { AppPhase, Obstacle } from './app-state.ts';
import { appStatusOf, type AppStatus } from './app-status.ts';
import { machineClock, type Clock } from './clock.ts';
import { sharedFolder, volumeFolder, type Place } from './launch-spec-of.ts';
import { latePredecessors, missingSecret, predecessorOf, takenPort } from './obstacle-of.ts';
import { makeFolderFor } from './own-folder.ts';
import type { AppSupervisorOptions } from './ports.ts';
import { PortWatch } from './port-watch.ts';
import { SecretsFolder } from './secrets-folder.ts';
import { settle } from './settle.ts';
import { stopInOrder } from './stop-in-order.ts';
import { SupervisedApp } from './supervised-app.ts';
import { isSameRun, wantedApps, type WantedApp } from './wanted-apps.ts';

type Parts = AppSupervisorOptions & {
  readonly clock: Clock;
  readonly random: () => number;
  readonly memory: AppMemory;
  readonly files: AppSecrets;
  readonly locks: AppLocks;
  readonly place: Place;
  readonly adopted: AdoptedInstances;
  readonly starts: Slots;
};

/** A device with many apps starts them a few at a time. */
const startsAtOnce = 8;

/** Keeps the apps of a generation running, in their order, and says how they are. */
export class AppSupervisor implements Apps {
  readonly #parts: Parts;
  readonly #changes = new ChangeSignal();
  readonly #entries = new Map<string, AppEntry>();
  readonly #unlisten: () => void;
  readonly #ports: PortWatch;
  #generation: string | undefined;
  #names: readonly string[] = [];
  /** What apps ran as when all were last well, or when this agent found them. */
  #tried = new Map<string, string>();
  #changed = Promise.withResolvers<undefined>();
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#unlisten = parts.secrets.onChange((name) => this.#renewSecret(name));
    this.#ports = new PortWatch({
      apps: () => [...this.#entries].map(([name, { app }]) => [name, app] as const),
      onChange: () => this.#changes.notify(),
    });
  }

  /** Takes over what an earlier agent left running; nothing is started or stopped before the first `configure`. */
  static async open(options: AppSupervisorOptions): Promise<AppSupervisor> {
    const { root, device, mqttPort, launcher, secrets, logger } = options;
    const memory = await AppMemory.open(root, logger);
    const folder = await SecretsFolder.open(root);
    // What ended meanwhile may have left lines.
    launcher.onLine((line) => logLine(logger, line));
    const supervisor = new AppSupervisor({
      ...{ clock: machineClock, random: Math.random, memory, locks: new AppLocks(root, memory) },
      files: new AppSecrets(secrets, folder),
      place: { root, device, mqttPort, secrets: folder.path },
      starts: new Slots(startsAtOnce),
      adopted: new AdoptedInstances(await launcher.adopt(), logger),
      ...options,
    });
    launcher.onLine(({ app, text }) => supervisor.#entries.get(app)?.app.heard(text));
    return supervisor;
  }

  async configure(machine: Machine, images: AppImages): Promise<void> {
    await this.#serially(() => this.#configure(machine, images));
  }

  /** `steadyMs`: how long each is to have run by then; a first good check can be an early one. */
  async settled(signal: AbortSignal, { steadyMs = 0 }: { readonly steadyMs?: number } = {}): Promise<void> {
    await settle({
      ...{ entries: () => this.#entries, changed: () => this.#changed.promise, clock: this.#parts.clock },
      ...{ signal, steadyMs },
    });
    this.#tried = new Map([...this.#entries].map(([name, { app }]) => [name, app.wanted.digest]));
    // Not before: on the way back from a generation, apps come back too.
    await this.#parts.memory.keepOnly(new Set(this.#names));
  }

  async halt(names: readonly string[]): Promise<void> {
    await this.#serially(() => this.#halt(new Set(names)));
  }

  /** As `halt`, of all: for an agent whose apps are to end with it. Resolves to the names of those that ran. */
  async stopAll(): Promise<readonly string[]> {
    return this.#serially(async () => {
      const running = [...this.#entries].flatMap(([name, { app }]) => (app.instance ? [name] : []));
      await this.#halt(new Set(this.#entries.keys()));
      return running;
    });
  }

  /** Stops it until `start`, over restarts and generations. Rejects with 'unknownApp', or as the launcher does. */
  async stop(name: string): Promise<void> {
    await this.#serially(async () => {
      const { app } = this.#entryOf(name);
      await this.#parts.memory.setStopped(name, true);
      await app.stop('operator');
      await this.#parts.files.takeBack(name);
    });
  }

  /** Resolves when it has been started, or its start is held back. Rejects with 'unknownApp', or as the launcher does. */
  async start(name: string): Promise<void> {
    await this.#serially(async () => {
      const { app } = this.#entryOf(name);
      const { kind } = app.state.phase;
      if (kind === 'stopped' || kind === 'ended' || kind === 'backingOff') await this.#startAnew(name, app);
    });
  }

  /** Rejects with 'unknownApp', or as the launcher does. */
  async restart(name: string): Promise<void> {
    await this.#serially(() => this.#startAnew(name, this.#entryOf(name).app));
  }

  /** Holds updates back for so long, over restarts. Rejects with 'unknownApp'. */
  async lock(name: string, options: { readonly reason: string; readonly ttlMs: number }): Promise<void> {
    this.#requireName(name);
    await this.#parts.locks.lock(name, options);
  }

  /** Takes back a lock by call. Rejects with 'unknownApp'. */
  async unlock(name: string): Promise<void> {
    this.#requireName(name);
    await this.#parts.locks.unlock(name);
  }

  async locks(): Promise<readonly { readonly app: string; readonly reason: string }[]> {
    return this.#parts.locks.of(this.#names);
  }

  components(): Record<string, Component> {
    const nowMs = this.#parts.clock.now();
    return Object.fromEntries(
      [...this.#entries].map(([name, { app }]) => [
        `apps.${name}`,
        componentOf(app, nowMs, this.#ports.portsOf(name)),
      ]),
    );
  }

  status(): Record<string, AppStatus> {
    return Object.fromEntries([...this.#entries].map(([name, { app }]) => [name, appStatusOf(app)]));
  }

  /** Apps by the secrets that they are given. */
  secretUses(): ReadonlyMap<string, readonly string[]> {
    const uses = new Map<string, string[]>();
    for (const [name, { app }] of this.#entries)
      for (const secret of app.wanted.run.secrets) uses.set(secret, [...(uses.get(secret) ?? []), name]);
    return uses;
  }

  onChange(listener: () => void): () => void {
    return this.#changes.listen(listener);
  }

  /** Apps go on to run: the next agent adopts them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unlisten();
    this.#ports[Symbol.dispose]();
    await this.#queue.catch(() => undefined);
    await Promise.all([...this.#entries.values()].map(({ app }) => app.leave()));
    await this.#parts.memory.flush();
    this.#changes[Symbol.dispose]();
  }

  async #configure(machine: Machine, images: AppImages): Promise<void> {
    const wanted = await wantedApps(machine, images, this.#parts.place);
    const generation = digestOf(JSON.stringify(machine));
    const isOther = generation !== this.#generation;
    if (this.#generation === undefined)
      for (const { name, digest } of wanted.values()) this.#tried.set(name, digest);
    this.#generation = generation;
    this.#names = Object.keys(machine.apps);
    const replaced = await this.#removeOthers(wanted);
    const added: SupervisedApp[] = [];
    const awaited: SupervisedApp[] = [];
    for (const app of wanted.values()) {
      const present = this.#entries.get(app.name);
      // How one does that another generation leaves as it is says nothing against that.
      if (present) awaited.push(...(this.#keep(present, app, isOther) || !isOther ? [present.app] : []));
      else added.push(await this.#add(app, replaced.has(app.name)));
    }
    // Each finds those that it comes after.
    for (const app of added) if (app.state.phase.kind !== 'stopped') app.start();
    for (const app of added) this.#hasChanged(app);
    await allOf([...added, ...awaited].map((app) => app.launched));
  }

  /** Stops what is not wanted, or not like this. Resolves to the names of those that ran. */
  async #removeOthers(wanted: ReadonlyMap<string, WantedApp>): Promise<Set<string>> {
    const gone = [...this.#entries].flatMap(([name, { app }]) => {
      const other = wanted.get(name);
      return other && isSameRun(app.wanted, other) ? [] : [name];
    });
    await this.#halt(new Set(gone));
    for (const name of gone) this.#entries.delete(name);
    return new Set([...gone, ...(await this.#parts.adopted.endOthers(wanted))]);
  }

  async #halt(names: ReadonlySet<string>): Promise<void> {
    const after = (name: string) => this.#entries.get(name)?.app.wanted.spec.after ?? [];
    await stopInOrder(names, after, async (name) => {
      const entry = this.#entries.get(name);
      const kind = entry?.app.state.phase.kind;
      // Who stopped it by hand starts it by hand, and what ran to its end does not run again.
      if (entry && kind !== 'stopped' && kind !== 'ended') {
        entry.beforeHalt(this.#parts.clock.now());
        await entry.app.stop('halt');
      }
      await this.#parts.files.takeBack(name);
    });
  }

  /** Whether it is started with this. */
  #keep(entry: AppEntry, wanted: WantedApp, isOther: boolean): boolean {
    const { app } = entry;
    app.update(wanted);
    const { name, digest } = wanted;
    // What came with a generation that was never well itself speaks against the one that takes its place, too.
    if (isOther) entry.beginTrial(this.#parts.clock.now(), this.#tried.get(name) === digest);
    const { phase } = app.state;
    const isHalted = phase.kind === 'stopped' && phase.by === 'halt';
    if (isHalted) app.start();
    return isHalted;
  }

  async #add(wanted: WantedApp, isReplacement: boolean): Promise<SupervisedApp> {
    const { launcher, starts, clock, random, logger, adopted, files, memory } = this.#parts;
    const { name } = wanted;
    const instance = await adopted.take(
      wanted,
      async () => !memory.isStopped(name) && (await files.isCurrent(wanted)),
    );
    const app = new SupervisedApp({
      ...{ wanted, clock, random, logger, adopted: instance },
      launcher: { start: (spec) => starts.run(() => launcher.start(spec)) },
      phase: instance ? undefined : this.#firstPhase(wanted),
      obstacle: (now) => this.#obstacle(now),
      prepare: (now) => this.#prepare(now),
      onChange: (changed) => this.#hasChanged(changed),
    });
    this.#entries.set(name, new AppEntry(app, { isReplacement }));
    return app;
  }

  /** What it is in before its first start: an end, or a stop by hand, is remembered. */
  #firstPhase({ name, digest }: WantedApp): AppPhase | undefined {
    const { memory } = this.#parts;
    if (memory.isStopped(name)) return { kind: 'stopped', by: 'operator' };
    const end = memory.endOf(name);
    if (end?.spec !== digest) return undefined;
    return { kind: 'ended', end: { kind: 'exited', isGood: end.isGood, text: end.text, ranMs: 0 } };
  }

  async #startAnew(name: string, app: SupervisedApp): Promise<void> {
    await this.#parts.memory.setStopped(name, false);
    await this.#parts.memory.setEnd(name, undefined);
    await app.stop('halt');
    app.start();
    await app.launched;
  }

  async #obstacle(wanted: WantedApp): Promise<Obstacle | undefined> {
    const { clock, files } = this.#parts;
    return (
      predecessorOf(this.#before(wanted), clock.now()) ??
      missingSecret(await files.missing(wanted)) ??
      (await takenPort(wanted))
    );
  }

  #before({ spec }: WantedApp): AppEntry[] {
    return spec.after.flatMap((name) => this.#entries.get(name) ?? []);
  }

  async #prepare(wanted: WantedApp): Promise<void> {
    const { name, spec, launch } = wanted;
    const late = latePredecessors(this.#before(wanted));
    if (late.length > 0) this.#parts.logger.warn('app.start.unready', { app: name, after: late });
    const { root } = this.#parts.place;
    const volumes = Object.values(spec.volumes).map((volume) => volumeFolder(root, volume));
    for (const folder of [sharedFolder(root, name), ...volumes]) await makeFolderFor(folder, launch.user);
    await this.#parts.files.give(wanted);
  }

  #hasChanged({ wanted, state: { phase } }: SupervisedApp): void {
    this.#entries.get(wanted.name)?.noteChange(this.#parts.clock.now());
    if (phase.kind === 'ended') this.#remember(wanted, phase.end);
    for (const { app } of this.#entries.values()) if (app.state.phase.kind === 'waiting') app.wake();
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
    this.#changes.notify();
  }

  #remember({ name, digest }: WantedApp, { isGood, text }: { isGood: boolean; text: string }): void {
    const { memory, logger } = this.#parts;
    memory.setEnd(name, { spec: digest, isGood, text }).catch((error: unknown) => {
      logger.error('apps.memory.unwritable', { app: name, error });
    });
  }

  /** Apps that are given it start anew with it. */
  #renewSecret(secret: string): void {
    for (const [name, { app }] of this.#entries) {
      if (!app.wanted.run.secrets.includes(secret)) continue;
      app.wake();
      if (!isGivenSecrets(app)) continue;
      this.#serially(() => this.#renew(name, app)).catch((error: unknown) => {
        this.#parts.logger.error('app.restart.failed', { app: name, error });
      });
    }
  }

  async #renew(name: string, app: SupervisedApp): Promise<void> {
    const { files, logger } = this.#parts;
    const isGone = this.#entries.get(name)?.app !== app || !isGivenSecrets(app);
    if (isGone || (await files.missing(app.wanted)).length > 0 || (await files.isCurrent(app.wanted))) return;
    logger.info('app.secret.changed', { app: name });
    await app.stop('halt');
    app.start();
  }

  #entryOf(name: string): AppEntry {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    this.#requireName(name);
    throw new AgentError('unknownApp', `App ${name} does not run: it is exported or served only`);
  }

  #requireName(name: string): void {
    if (this.#names.includes(name)) return;
    throw new AgentError('unknownApp', `App ${name} is not of the generation that runs`, {
      hint: 'See those that are: holdfast apps.',
    });
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work, work);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/** It runs, or is on the way to it with the files of before. */
function isGivenSecrets({ instance, state }: SupervisedApp): boolean {
  return instance !== undefined || state.phase.kind === 'starting';
}

function logLine(logger: AppSupervisorOptions['logger'], { app, instance, stream, text }: AppLine): void {
  logger[stream === 'stderr' ? 'error' : 'info']('app.log', { app, instance, stream, message: text });
}
