import { afterEach } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';
import type { VaultTask, VaultTaskResult } from '../../agent/vault/job-protocol.ts';
import type { ChangeWatch, JobRunner, Surroundings } from '../../agent/vault/ports.ts';
import { VaultKeeper } from '../../agent/vault/vault-keeper.ts';
import { emptyVaultState, type VaultState, type VaultStateHolder } from '../../agent/vault/vault-state.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
/** Noon in every zone that matters here: schedules below are by the hour. */
const startMs = Date.UTC(2026, 10, 21, 12, 0, 30);

/** Time that passes only when it is told to. */
class FakeTime {
  nowMs = startMs;
  #sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];

  readonly now = (): Date => new Date(this.nowMs);
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const sleeper = { untilMs: this.nowMs + ms, wake: () => resolve(undefined) };
    signal.addEventListener('abort', sleeper.wake);
    this.#sleepers.push(sleeper);
    return promise.then(() => {
      this.#sleepers = this.#sleepers.filter(({ wake }) => wake !== sleeper.wake);
    });
  };

  /** Sets the clock: who sleeps does not notice. */
  jump(ms: number): void {
    this.nowMs += ms;
    this.#sleepers = this.#sleepers.map((one) => ({ ...one, untilMs: one.untilMs + ms }));
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settle();
    for (;;) {
      const [first] = this.#sleepers.toSorted((a, b) => a.untilMs - b.untilMs);
      if (!first || first.untilMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, first.untilMs);
      first.wake();
      await settle();
    }
    this.nowMs = endMs;
  }
}

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

class MemoryState implements VaultStateHolder {
  state: VaultState = emptyVaultState;
  isFull = false;

  update(change: (state: VaultState) => Partial<VaultState>): Promise<void> {
    if (this.isFull) return Promise.reject(new Error('ENOSPC'));
    this.state = structuredClone({ ...this.state, ...change(this.state) });
    return Promise.resolve();
  }
}

/** What jobs were asked for, and how they end. */
class FakeJobs {
  readonly tasks: VaultTask[] = [];
  readonly times: string[] = [];
  readonly time: FakeTime;
  answer: (task: VaultTask, signal: AbortSignal) => Promise<VaultTaskResult> = done;

  constructor(time: FakeTime) {
    this.time = time;
  }

  readonly run: JobRunner = async (_access, task, { onOpened, signal }) => {
    this.tasks.push(task);
    this.times.push(this.time.now().toISOString().slice(11, 16));
    onOpened({ id: 'r'.repeat(64), slot: 's'.repeat(64), ownerSlot: null });
    return this.answer(task, signal);
  };

  get kinds(): string[] {
    return this.tasks.map(({ kind }) => kind);
  }
}

export function done({ kind }: VaultTask): Promise<VaultTaskResult> {
  if (kind === 'forget')
    return Promise.resolve({
      kind: 'upkeep',
      result: { did: 'forget', kept: 1, forgotten: [], freedBytes: null },
    });
  if (kind === 'prune') return Promise.resolve({ kind: 'upkeep', result: { did: 'prune', freedBytes: 0 } });
  return Promise.resolve({ kind: 'snapshot', outcome });
}

export const outcome = {
  ...{ id: 'a'.repeat(64), parent: null, skipped: false, files: { new: 1, changed: 0, unmodified: 0 } },
  ...{ folders: 0, totalBytes: 9, newBytes: 9, storedBytes: 9, durationMs: 1, problems: [], problemCount: 0 },
};

export const hourly = { data: { snapshot: '0 * * * *' } };
export const machine = (volumes: object, vault: object = { repository: '/mnt/backup' }): Machine =>
  machineSchema.parse({
    ...{ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'kiosk-1' } },
    ...{ volumes, vault },
  });

/** Of a folder that changes all the time, unless it is said to be quiet. */
class FakeWatch implements ChangeWatch {
  /** From the next time it is armed. */
  canBeQuiet = false;
  isStill = false;

  arm(): Promise<void> {
    this.isStill = this.canBeQuiet;
    return Promise.resolve();
  }

  isQuiet(): Promise<boolean> {
    return Promise.resolve(this.isStill);
  }

  [Symbol.dispose](): void {
    this.isStill = false;
  }
}

export type Setting = {
  readonly time: FakeTime;
  readonly jobs: FakeJobs;
  readonly state: MemoryState;
  readonly watch: FakeWatch;
  surroundings: Surroundings;
};

export function setting(): Setting {
  const time = new FakeTime();
  const surroundings: Surroundings = { power: 'mains', link: 'unknown' };
  return { time, jobs: new FakeJobs(time), state: new MemoryState(), watch: new FakeWatch(), surroundings };
}

/** Starts keepers that run until the end of their test. */
export function keeperStarter(): typeof startKeeper {
  let stack = new AsyncDisposableStack();
  afterEach(async () => {
    await stack.disposeAsync();
    stack = new AsyncDisposableStack();
  });
  return async (...args) => stack.use(await startKeeper(...args));
}

/** To be disposed of. */
async function startKeeper(at: Setting, followed: Machine, logger = silentLogger): Promise<VaultKeeper> {
  const { url, device } = { url: 'https://cloud.example.com', device: 'kiosk-1' };
  const keeper = new VaultKeeper({
    ...{ root: '/var/lib/holdfast', state: at.state, run: at.jobs.run, logger },
    identity: { version: 1, tenant: 'default', device, url, mqtt: '', certificate: '', ca: '', key: '' },
    secret: () => Promise.resolve(undefined),
    slotSecret: () => Promise.resolve('secret'),
    surroundings: () => Promise.resolve(at.surroundings),
    watch: () => at.watch,
    now: at.time.now,
    sleep: at.time.sleep,
    random: () => 0,
  });
  await keeper.configure(followed);
  keeper.start();
  return keeper;
}
