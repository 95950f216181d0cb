import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { ChangeWatch } from './ports.ts';

/** What watches do not tell, a store that is gone too, is found this often: an hourly schedule looks each time. */
const fullLookEveryMs = 50 * 60_000;

/** `startedMs`: when the snapshot began, in milliseconds since 1970. */
export type NoteTaken = (startedMs: number, outcome: Pick<SnapshotOutcome, 'problemCount'>) => void;

type Volume = {
  readonly watch: ChangeWatch;
  /** When the snapshot that nothing changed since began; undefined while there is none. */
  lookedMs: number | undefined;
};

/**
 * Which volumes have not changed since their last snapshot, as far as anybody told: a hint that saves a look at every file. The truth
 * is that look, and it comes at intervals whatever was told.
 */
export class QuietVolumes implements Disposable {
  readonly #watch: (volume: string) => ChangeWatch;
  readonly #volumes = new Map<string, Volume>();
  #isDisposed = false;

  constructor(watch: (volume: string) => ChangeWatch) {
    this.#watch = watch;
  }

  async isUnchanged(name: string, nowMs: number): Promise<boolean> {
    const volume = this.#volumes.get(name);
    if (volume?.lookedMs === undefined) return false;
    // A clock that was set back says nothing about how long ago it was.
    if (nowMs < volume.lookedMs || nowMs - volume.lookedMs >= fullLookEveryMs) return false;
    return volume.watch.isQuiet();
  }

  /**
   * Before a snapshot looks at the volume: what changes from now on is told. What it returns is called when the snapshot is there. One
   * that could not read everything as it was, and one that another began after, are no measure for the next.
   */
  async begin(name: string): Promise<NoteTaken> {
    const watch = this.#volumes.get(name)?.watch ?? this.#watch(name);
    const volume: Volume = { watch, lookedMs: undefined };
    this.#volumes.set(name, volume);
    if (!this.#isDisposed) await watch.arm();
    return (startedMs, { problemCount }) => {
      if (problemCount === 0) volume.lookedMs = startedMs;
    };
  }

  /** Something else is to be snapshotted, or to somewhere else. */
  forget(): void {
    for (const { watch } of this.#volumes.values()) watch[Symbol.dispose]();
    this.#volumes.clear();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.forget();
  }
}
