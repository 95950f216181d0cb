import { SyncError } from '../../errors.ts';
import { describePlace, fileLimits, type VaultPlace } from './vault-place.ts';
import type { FileType } from '../../vault/backend/backend.ts';

/** What one upload may take; everything not kept by `settle` is given back by disposing it. */
export type Reservation = Disposable & {
  /** Before the bytes are written. @throws SyncError 'quotaExceeded' */
  grow(bytes: number): void;
  /** The file is there, with these bytes. */
  settle(bytes: number): void;
};

export type LedgerUsage = ReadonlyMap<string, { readonly count: number; readonly bytes: number }>;

/** Uploads of one device at a time. */
const maxUploads = 32;

/**
 * What a device's vault takes and what uploads under way have been promised, so that all of them together stay within the
 * quota. Everything is counted at once, between two turns of the event loop.
 */
export class VaultLedger {
  #bytes = 0;
  #promisedBytes = 0;
  readonly #counts = new Map<FileType, number>();
  readonly #busy = new Set<string>();

  constructor(usage: LedgerUsage) {
    for (const [type, { count, bytes }] of usage) {
      this.#bytes += bytes;
      this.#counts.set(type as FileType, count);
    }
  }

  /**
   * One upload to a place at a time. `quotaBytes` Infinity is without end.
   * @throws SyncError 'conflict', 'unavailable' (too many uploads), 'quotaExceeded' (too many files)
   */
  reserve(place: VaultPlace, quotaBytes: number): Reservation {
    if (this.#busy.size >= maxUploads) {
      const message = `${maxUploads} uploads to the vault of ${place.device} are under way`;
      throw new SyncError('unavailable', message, { transient: true, hint: 'Try again later.' });
    }
    const held = this.hold(place);
    try {
      this.#count(place, 1);
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
    let promised = 0;
    let settled = false;
    return {
      grow: (bytes) => {
        const free = quotaBytes - this.#bytes - this.#promisedBytes;
        if (bytes > free) throw overQuota(place.device, quotaBytes);
        this.#promisedBytes += bytes;
        promised += bytes;
      },
      settle: (bytes) => {
        settled = true;
        this.#bytes += bytes;
        this.#promisedBytes -= promised;
        promised = 0;
      },
      [Symbol.dispose]: () => {
        this.#promisedBytes -= promised;
        held[Symbol.dispose]();
        if (!settled) this.#count(place, -1);
      },
    };
  }

  /** Keeps others from writing or removing this file. @throws SyncError 'conflict' */
  hold(place: VaultPlace): Disposable {
    const key = `${place.type}/${place.name}`;
    if (this.#busy.has(key)) {
      throw new SyncError('conflict', `Another request writes or removes ${describePlace(place)}`);
    }
    this.#busy.add(key);
    return { [Symbol.dispose]: () => this.#busy.delete(key) };
  }

  removed(place: VaultPlace, bytes: number): void {
    this.#bytes -= bytes;
    this.#count(place, -1);
  }

  #count({ device, type }: VaultPlace, change: number): void {
    const count = (this.#counts.get(type) ?? 0) + change;
    const { maxFiles } = fileLimits[type];
    if (change > 0 && count > maxFiles) {
      throw new SyncError(
        'quotaExceeded',
        `The vault of ${device} has ${maxFiles} files of ${type} already`,
        {
          hint: 'Remove what is not needed: it takes a grant of an operator.',
        },
      );
    }
    this.#counts.set(type, count);
  }
}

function overQuota(device: string, quotaBytes: number): SyncError {
  return new SyncError('quotaExceeded', `The vault of ${device} may not take more than ${quotaBytes} bytes`, {
    hint: 'Give it a larger quota, or let it be pruned: holdfast vault grant.',
  });
}
