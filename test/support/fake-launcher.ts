import type { AppLine, ExitReason, Instance, Launcher, LaunchSpec } from '../../agent/apps/ports.ts';
import { specDigestOf } from '../../agent/apps/spec-digest.ts';

/** Runs nothing, and says what it was told. */
export class FakeLauncher implements Launcher {
  /** `start web`, `stop web SIGTERM`, in their order. */
  readonly told: string[] = [];
  readonly instances: FakeInstance[] = [];
  readonly capabilities: Launcher['capabilities'] = {
    isolations: {
      container: { available: true, by: 'nothing' },
      sandbox: { available: true, by: 'nothing' },
      process: { available: true, by: 'nothing' },
    },
    unenforced: [],
  };
  /** What a start is refused with, by app. */
  readonly refusals = new Map<string, Error>();
  /** Exit code of a program run beside an app, by the program. */
  readonly programs = new Map<string, number>();
  readonly #listeners = new Set<(line: AppLine) => void>();

  start(spec: LaunchSpec): Promise<Instance> {
    const refusal = this.refusals.get(spec.app);
    if (refusal) return Promise.reject(refusal);
    this.told.push(`start ${spec.app}`);
    const instance = new FakeInstance(this, spec, `${spec.app}-${this.instances.length}`);
    this.instances.push(instance);
    return Promise.resolve(instance);
  }

  adopt(): Promise<readonly Instance[]> {
    return Promise.resolve(this.running());
  }

  onLine(listener: (line: AppLine) => void): void {
    this.#listeners.add(listener);
  }

  say(app: string, text: string): void {
    const instance = this.last(app).id;
    for (const listener of this.#listeners) listener({ app, instance, stream: 'stdout', text });
  }

  running(): FakeInstance[] {
    return this.instances.filter(({ isOver }) => !isOver);
  }

  /** The newest instance of an app. */
  last(app: string): FakeInstance {
    const last = this.instances.findLast((instance) => instance.app === app);
    if (!last) throw new Error(`${app} was never started`);
    return last;
  }
}

class FakeInstance implements Instance {
  readonly id: string;
  readonly app: string;
  readonly spec: LaunchSpec;
  readonly specDigest: Instance['specDigest'];
  readonly startedAt = new Date();
  readonly pid = 1;
  readonly #launcher: FakeLauncher;
  readonly #exit = Promise.withResolvers<ExitReason>();
  isOver = false;

  constructor(launcher: FakeLauncher, spec: LaunchSpec, id: string) {
    this.#launcher = launcher;
    this.id = id;
    this.app = spec.app;
    this.spec = spec;
    this.specDigest = specDigestOf(spec);
  }

  get exited(): Promise<ExitReason> {
    return this.#exit.promise;
  }

  end(reason: ExitReason): void {
    this.isOver = true;
    this.#exit.resolve(reason);
  }

  stop({ signal }: { readonly signal: string }): Promise<ExitReason> {
    if (!this.isOver) this.#launcher.told.push(`stop ${this.app} ${signal}`);
    this.end({ kind: 'killed', signal, outOfMemory: false });
    return this.exited;
  }

  exec(args: readonly string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
    return Promise.resolve({
      exitCode: this.#launcher.programs.get(args[0] ?? '') ?? 0,
      output: 'said so\n',
    });
  }
}
