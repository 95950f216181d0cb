import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../../errors.ts';
import { errorMessage } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Posix } from '../../../lib/posix.ts';
import type { AppLine, ExitReason, Instance, LaunchCapabilities, Launcher, LaunchSpec } from '../ports.ts';
import { AppInstance } from './app-instance.ts';
import { claimOf, type Claim } from './claim.ts';
import type { ControlGroups } from './control-groups.ts';
import type { Engine, Run } from './engine.ts';
import type { Engines } from './find-engines.ts';
import { cannotStart, findProgram } from './find-program.ts';
import { readRecord, writeRecord } from './instance-record.ts';
import { OutputReader } from './output-reader.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { removeRunFolder } from './remove-run-folder.ts';
import { spawnApp } from './spawn-command.ts';
import { sweepRun } from './sweep-run.ts';
import { untilStarted } from './until-started.ts';

type AppLauncherOptions = Engines & {
  /** With a folder for each run. */
  readonly folder: string;
  readonly logger: Logger;
  readonly groups: ControlGroups;
  readonly posix: Posix | undefined;
};

/** Output is read, and the end of adopted apps seen, as often. */
const lookMs = 100;

/** Starts apps under a shell that outlives this process, and finds them again. */
export class AppLauncher implements Launcher, AsyncDisposable {
  readonly capabilities: LaunchCapabilities;
  readonly #options: AppLauncherOptions;
  readonly #instances = new Set<AppInstance>();
  readonly #listeners: ((line: AppLine) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AppLauncherOptions) {
    this.#options = options;
    this.capabilities = { isolations: options.isolations, unenforced: options.groups.unenforced };
  }

  onLine(listener: (line: AppLine) => void): void {
    this.#listeners.push(listener);
  }

  async start(spec: LaunchSpec): Promise<Instance> {
    const engine = this.#engineFor(spec);
    const program = await findProgram(spec);
    const id = `${spec.app}-${randomBytes(6).toString('hex')}`;
    const folder = join(this.#options.folder, id);
    const record = { id, startedAt: new Date().toISOString(), spec };
    await mkdir(folder, { mode: 0o700 });
    const run: Run = { folder, record, group: this.#options.groups.at(id) };
    try {
      await writeRecord(folder, record);
      await this.#options.groups.create(id, spec.limits);
      const child = await launch(engine, run, program);
      const parent = await untilStarted(run, child, (started) => engine.hasStarted(started));
      return this.#lookAfter({ run, engine, parent }, child);
    } catch (error) {
      await this.#remove({ run, engine });
      throw asStartFailure(spec, error);
    }
  }

  async adopt(): Promise<readonly Instance[]> {
    const adopted: Instance[] = [];
    for (const id of await readdir(this.#options.folder)) {
      const instance = await this.#adoptOne(id, join(this.#options.folder, id));
      if (instance !== undefined) adopted.push(instance);
    }
    return adopted;
  }

  /** Apps go on. */
  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const instance of this.#instances) instance.leave();
    this.#instances.clear();
    return Promise.resolve();
  }

  #engineFor(spec: LaunchSpec): Engine {
    const { isolations, engines } = this.#options;
    const { available, by } = isolations[spec.isolation];
    if (available) return engines[spec.isolation];
    const others = spec.isolation === 'container' && isolations.sandbox.available ? 'sandbox' : 'process';
    throw new AgentError('noRuntime', `Cannot run app ${spec.app} as a ${spec.isolation}: ${by}`, {
      hint: `Install it, or give the app isolation: ${others}.`,
    });
  }

  async #adoptOne(id: string, folder: string): Promise<Instance | undefined> {
    const { groups, engines, logger } = this.#options;
    const record = await readRecord(folder);
    if (record === undefined) {
      // Nothing is started before its record is whole. [G2]
      await removeRunFolder(folder);
      return undefined;
    }
    const run: Run = { folder, record, group: groups.at(id) };
    const engine = engines[record.spec.isolation];
    const claim = await claimOf(folder);
    if (claim.kind === 'running') {
      logger.info('app.adopted', { app: run.record.spec.app, instance: id });
      return this.#lookAfter({ run, engine, parent: claim.parent });
    }
    await this.#bury({ run, engine }, claim);
    return undefined;
  }

  /** What ended, or began and did not get far, while no agent was there. */
  async #bury(of: { run: Run; engine: Engine }, claim: Exclude<Claim, { kind: 'running' }>): Promise<void> {
    if (claim.kind === 'ended') {
      const instance = this.#lookAfter({ ...of, parent: claim.parent });
      await instance.end();
      this.#tell(of, await instance.exited);
      return;
    }
    await this.#remove(of);
    this.#tell(of, { kind: 'lost' });
  }

  #tell({ run }: { run: Run }, exit: ExitReason): void {
    this.#options.logger.warn('app.ended', { app: run.record.spec.app, instance: run.record.id, exit });
  }

  async #remove({ run, engine }: { run: Run; engine: Engine }): Promise<void> {
    const { app } = run.record.spec;
    try {
      await sweepRun({ run, engine }, true);
      await removeRunFolder(run.folder);
    } catch (error) {
      this.#options.logger.error('app.leftovers', { app, instance: run.record.id, error });
    }
  }

  #lookAfter(of: { run: Run; engine: Engine; parent: ProcessIdentity }, child?: ChildProcess): AppInstance {
    const { run } = of;
    const { posix, logger } = this.#options;
    const output = new OutputReader({
      ...{ folder: run.folder, app: run.record.spec.app, instance: run.record.id, posix },
      onLine: (line) => {
        for (const listener of this.#listeners) listener(line);
      },
    });
    const instance = new AppInstance({ ...of, output, logger });
    this.#instances.add(instance);
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    void instance.exited.then(() => this.#forget(instance));
    child?.once('exit', () => void instance.end());
    if (child !== undefined && child.exitCode !== null) void instance.end();
    return instance;
  }

  #forget(instance: AppInstance): void {
    this.#instances.delete(instance);
    if (this.#instances.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const instance of this.#instances) instance.look();
  }
}

async function launch(engine: Engine, run: Run, program: string): Promise<ChildProcess> {
  const command = await engine.prepare(run, program);
  try {
    return spawnApp(run.folder, command);
  } finally {
    await command.descriptor?.close();
  }
}

function asStartFailure(spec: LaunchSpec, error: unknown): unknown {
  if (error instanceof AgentError) return error;
  const why = errorMessage(error);
  return Object.assign(cannotStart(spec, why), { cause: error });
}
