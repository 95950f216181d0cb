import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../../lib/retry.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { withoutApps } from './affected.ts';
import { isTransient } from './failure.ts';
import type { ArtifactSource, ManifestSource, Runner } from './ports.ts';
import type { Pointer } from './state-schema.ts';

export type RetryDelays = { readonly minDelayMs: number; readonly maxDelayMs: number };

export type ActivationOptions = {
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
  readonly runner: Runner;
  /** What runs when no generation does. */
  readonly empty: Machine;
  readonly retry: RetryDelays;
  readonly logger: Logger;
};

const attempts = 3;

/** Makes what runs a generation that is on local disk. [G4] */
export class Activation {
  readonly #options: ActivationOptions;
  #isBroken = false;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** The last activation failed: what runs is not whole. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Idempotent. Null is nothing at all. */
  async run(pointer: Pointer | null): Promise<void> {
    const { manifests } = this.#options;
    await this.#noting(async () => this.#configure(pointer && (await manifests.load(pointer))));
  }

  /** The same; a host lost to a neighbour says nothing against this generation. */
  async patiently(pointer: Pointer | null, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.run(pointer);
        return;
      } catch (error) {
        if (attempt >= attempts || !isTransient(error)) throw error;
        await sleep(this.#options.retry.minDelayMs, undefined, { signal });
      }
    }
  }

  /** The generation, but for some of its apps. */
  async runWithout(machine: Machine, apps: readonly string[]): Promise<void> {
    await this.#noting(() => this.#configure(withoutApps(machine, apps)));
  }

  /** Brings what is missing of it back, from elsewhere too, until it runs or the signal aborts. */
  async repair(pointer: Pointer | null, signal: AbortSignal): Promise<void> {
    const { manifests, artifacts, retry, logger } = this.#options;
    const isOver = (): boolean => signal.aborted || !this.#isBroken;
    for (let attempt = 1; !isOver(); attempt++) {
      try {
        if (pointer) await artifacts.fetch(await manifests.load(pointer), signal);
        if (!isOver()) await this.run(pointer);
      } catch (error) {
        if (isOver()) return;
        logger.error('reconcile.repair.failed', { generation: pointer?.generation, error });
        await sleep(backoffMs(attempt, retry), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #configure(machine: Machine | null): Promise<void> {
    const { artifacts, runner, empty } = this.#options;
    const wanted = machine ?? empty;
    await runner.configure(wanted, await artifacts.load(wanted));
  }

  async #noting(work: () => Promise<void>): Promise<void> {
    this.#isBroken = true;
    await work();
    this.#isBroken = false;
  }
}
