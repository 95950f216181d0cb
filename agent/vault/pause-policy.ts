import type { VaultSpec } from '../../manifests/primitives.ts';
import type { VaultStatus } from '../control/vault-protocol.ts';
import type { Surroundings } from './ports.ts';

export type PausePolicyOptions = {
  readonly surroundings: () => Promise<Surroundings>;
  /** Resolves after that time or when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The repository is reached over a network. */
  readonly isRemote: () => boolean;
  readonly onChange: () => void;
};

type Pause = NonNullable<VaultStatus['paused']>;

/** How often a paused schedule looks whether it may go on, and a running one whether it still may. */
export const surroundingsEveryMs = 30_000;

/** Whether scheduled work waits, as the manifest says, for power or for another link. */
export class PausePolicy {
  readonly #options: PausePolicyOptions;
  #vault: VaultSpec | undefined;
  #surroundings: Surroundings = { power: 'unknown', link: 'unknown' };
  #paused: Pause | null = null;

  constructor(options: PausePolicyOptions) {
    this.#options = options;
  }

  configure(vault: VaultSpec | undefined): void {
    this.#vault = vault;
  }

  /** As they were when it looked last. */
  get surroundings(): Surroundings {
    return this.#surroundings;
  }

  get paused(): Pause | null {
    return this.#paused;
  }

  /** Looks, and says whether to wait. */
  async check(): Promise<boolean> {
    this.#surroundings = await this.#options.surroundings();
    this.#set(this.#why());
    return this.#paused !== null;
  }

  /** Aborts once what runs has to make room: it is due as before. */
  watch(): { readonly signal: AbortSignal } & Disposable {
    const making = new AbortController();
    const over = new AbortController();
    void this.#watch(making, over.signal).catch(() => undefined);
    return { signal: making.signal, [Symbol.dispose]: () => over.abort() };
  }

  async #watch(making: AbortController, over: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.sleep(surroundingsEveryMs, over);
      if (over.aborted) return;
      if (!(await this.check())) continue;
      making.abort();
      return;
    }
  }

  #why(): Pause | null {
    const { power, link } = this.#surroundings;
    const { onBattery, onMetered } = this.#vault ?? {};
    if (onBattery === 'pause' && power === 'battery') return 'onBattery';
    return onMetered === 'pause' && link === 'metered' && this.#options.isRemote() ? 'onMetered' : null;
  }

  #set(why: Pause | null): void {
    if (this.#paused === why) return;
    this.#paused = why;
    this.#options.onChange();
  }
}
