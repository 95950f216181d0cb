import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { makeFolder } from '../../../lib/make-folder.ts';
import type { Logger } from '../../../lib/logger.ts';

const memorySchema = z.strictObject({
  version: z.literal(1),
  /** Stopped by an operator, until somebody starts them. */
  stopped: z.array(z.string()),
  /** Ran to their end, by the digest of what ran: they are not to run again by themselves. */
  ended: z.record(z.string(), z.strictObject({ spec: z.string(), isGood: z.boolean(), text: z.string() })),
  /** Locks by call. `until`: milliseconds since 1970. */
  locks: z.record(z.string(), z.strictObject({ reason: z.string(), until: z.number() })),
});
type Memory = z.output<typeof memorySchema>;

export type EndedApp = Memory['ended'][string];
export type AppLock = Memory['locks'][string];

/** What the supervisor knows of apps over restarts of the agent and of the machine, in `apps/memory.json`. */
export class AppMemory {
  readonly #path: string;
  readonly #stopped: Set<string>;
  readonly #ended: Map<string, EndedApp>;
  readonly #locks: Map<string, AppLock>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, { stopped, ended, locks }: Omit<Memory, 'version'>) {
    this.#path = path;
    this.#stopped = new Set(stopped);
    this.#ended = new Map(Object.entries(ended));
    this.#locks = new Map(Object.entries(locks));
  }

  /** A file that cannot be read counts as empty: apps then run, and locks are gone. */
  static async open(root: string, logger: Logger): Promise<AppMemory> {
    await makeFolder(join(root, 'apps'), { mode: 0o711 });
    const path = join(root, 'apps', 'memory.json');
    const nothing = { stopped: [], ended: {}, locks: {} };
    try {
      return new AppMemory(path, memorySchema.parse(JSON.parse(await readFile(path, 'utf8'))));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') logger.warn('apps.memory.lost', { error });
      return new AppMemory(path, nothing);
    }
  }

  isStopped(app: string): boolean {
    return this.#stopped.has(app);
  }

  endOf(app: string): EndedApp | undefined {
    return this.#ended.get(app);
  }

  lockOf(app: string): AppLock | undefined {
    return this.#locks.get(app);
  }

  /** Durable when it resolves. */
  async setStopped(app: string, isStopped: boolean): Promise<void> {
    if (isStopped === this.#stopped.has(app)) return;
    if (isStopped) this.#stopped.add(app);
    else this.#stopped.delete(app);
    await this.#save();
  }

  async setEnd(app: string, end: EndedApp | undefined): Promise<void> {
    if (!end && !this.#ended.has(app)) return;
    if (end) this.#ended.set(app, end);
    else this.#ended.delete(app);
    await this.#save();
  }

  async setLock(app: string, lock: AppLock | undefined): Promise<void> {
    if (!lock && !this.#locks.has(app)) return;
    if (lock) this.#locks.set(app, lock);
    else this.#locks.delete(app);
    await this.#save();
  }

  /** Forgets what it knows of apps that are no more. */
  async keepOnly(apps: ReadonlySet<string>): Promise<void> {
    const all = [...this.#stopped, ...this.#ended.keys(), ...this.#locks.keys()];
    const gone = all.filter((app) => !apps.has(app));
    if (gone.length === 0) return;
    for (const app of gone) {
      this.#stopped.delete(app);
      this.#ended.delete(app);
      this.#locks.delete(app);
    }
    await this.#save();
  }

  /** Resolves when nothing is being written. */
  async flush(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  async #save(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => atomicWrite(this.#path, `${JSON.stringify(this.#document())}\n`));
    await this.#writing;
  }

  #document(): z.input<typeof memorySchema> {
    return {
      version: 1,
      stopped: [...this.#stopped],
      ended: Object.fromEntries(this.#ended),
      locks: Object.fromEntries(this.#locks),
    };
  }
}
