import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import type { ChangeWatch } from './ports.ts';

/** What watches cannot see is found this often. */
const fullLookEveryMs = 6 * 3_600_000;

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

  constructor(watch: (volume: string) => ChangeWatch) {
    this.#watch = watch;
  }

  isUnchanged(name: string, nowMs: number): boolean {
    const volume = this.#volumes.get(name);
    if (volume?.lookedMs === undefined || !volume.watch.isQuiet) return false;
    // A clock that was set back says nothing about how long ago it was.
    return nowMs >= volume.lookedMs && nowMs - volume.lookedMs < fullLookEveryMs;
  }

  /**
   * Before a snapshot looks at the volume: what changes from now on is told. What it returns is called when the snapshot is there. One
   * that could not read everything as it was, and one that another began after, are no measure for the next.
   */
  async begin(name: string): Promise<NoteTaken> {
    const watch = this.#volumes.get(name)?.watch ?? this.#watch(name);
    const volume: Volume = { watch, lookedMs: undefined };
    this.#volumes.set(name, volume);
    await watch.arm();
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
    this.forget();
  }
}
