import type { AppMemory } from './app-memory.ts';
import { sharedFolder } from './launch-spec-of.ts';
import { readUpdateLock } from './update-lock.ts';

export type AppLockState = { readonly app: string; readonly reason: string };

/** What holds updates back: files that apps make in the folder they share with the agent, and calls. */
export class AppLocks {
  readonly #root: string;
  readonly #memory: Pick<AppMemory, 'lockOf' | 'setLock'>;
  readonly #now: () => number;

  constructor(root: string, memory: Pick<AppMemory, 'lockOf' | 'setLock'>, now: () => number = Date.now) {
    this.#root = root;
    this.#memory = memory;
    this.#now = now;
  }

  /** Durable when it resolves. */
  async lock(app: string, { reason, ttlMs }: { reason: string; ttlMs: number }): Promise<void> {
    await this.#memory.setLock(app, { reason, until: this.#now() + ttlMs });
  }

  /** Of a call; a file is the app's own. */
  async unlock(app: string): Promise<void> {
    await this.#memory.setLock(app, undefined);
  }

  async of(apps: Iterable<string>): Promise<AppLockState[]> {
    const found: AppLockState[] = [];
    for (const app of apps) {
      const reason = this.#called(app) ?? (await readUpdateLock(sharedFolder(this.#root, app)));
      if (reason !== undefined) found.push({ app, reason });
    }
    return found;
  }

  #called(app: string): string | undefined {
    const lock = this.#memory.lockOf(app);
    return lock && lock.until > this.#now() ? lock.reason : undefined;
  }
}
