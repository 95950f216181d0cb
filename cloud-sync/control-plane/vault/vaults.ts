import type { Readable } from 'node:stream';
import type { Logger } from '../../../lib/logger.ts';
import { SyncError } from '../../errors.ts';
import type { ByteRange } from '../../oci/index.ts';
import type { StoredFile } from '../../vault/backend/backend.ts';
import { audit } from '../database/audit.ts';
import { deviceExists } from '../database/devices.ts';
import type { Database } from '../database/schema.ts';
import { storageError } from '../database/sqlite-errors.ts';
import { addVaultFile, isVaultFile, removeVaultFile, selectVaultFiles } from '../database/vault-files.ts';
import { countVaultRemoval, takeVaultRemovals } from '../database/vault-rules.ts';
import { noSuchDevice } from '../no-such-device.ts';
import { openVaultLedger } from './open-vault-ledger.ts';
import { takeBody } from './take-body.ts';
import type { VaultLedger } from './vault-ledger.ts';
import { describePlace, fileLimits, type FolderType, type VaultPlace } from './vault-place.ts';
import type { VaultRules } from './vault-rules.ts';
import type { VaultStore, VaultWriter } from './vault-store.ts';

export type VaultsOptions = {
  readonly db: Database;
  readonly store: VaultStore;
  readonly rules: VaultRules;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Bytes of a body, as they come. */
  readonly onReceived?: (bytes: number) => void;
};

export type Upload = {
  readonly body: AsyncIterable<Uint8Array>;
  /** Of the body, where the client said so. */
  readonly bytes?: number;
};

/** Removals are summed up this long before they go into the audit log. */
const auditDelayMs = 10_000;

/**
 * The devices' repositories: what is listed is what the database says, with the time it was received, and what it says is durable
 * under its name in the store. Nothing is ever overwritten, and nothing but locks is removed without a grant.
 */
export class Vaults implements AsyncDisposable {
  readonly #options: VaultsOptions;
  readonly #ledgers = new Map<string, Promise<VaultLedger>>();
  #auditTimer: NodeJS.Timeout | undefined;

  constructor(options: VaultsOptions) {
    this.#options = options;
  }

  /** Makes the vault of a device usable; does nothing where it is. @throws SyncError 'notFound' without such a device */
  async create(device: string): Promise<void> {
    await this.#ledger(device);
  }

  async list(device: string, type: FolderType): Promise<StoredFile[]> {
    await this.#ledger(device);
    return selectVaultFiles(this.#options.db, device, type);
  }

  /** Its bytes. @throws SyncError 'notFound' */
  async size(place: VaultPlace): Promise<number> {
    await this.#ledger(place.device);
    const { db, store } = this.#options;
    const stat = (await isVaultFile(db, place)) ? await store.stat(place) : undefined;
    if (!stat) throw noSuchFile(place);
    return stat.bytes;
  }

  read(place: VaultPlace, range?: ByteRange): Readable {
    return this.#options.store.read(place, range);
  }

  /**
   * Resolves when the file is durable under its name and listed [G1]. Reads the body to its end also when it is refused
   * meanwhile, so that the client hears why. Rejects with `conflict`, `quotaExceeded`, `tooLarge`, `digestMismatch`, `diskFull`.
   */
  async receive(place: VaultPlace, upload: Upload): Promise<void> {
    try {
      await this.#receive(place, upload);
    } catch (error) {
      throw error instanceof SyncError && error.code === 'diskFull' ? noSpace(error) : error;
    }
  }

  async #receive(place: VaultPlace, upload: Upload): Promise<void> {
    const { maxBytes } = fileLimits[place.type];
    if ((upload.bytes ?? 0) > maxBytes) throw tooLarge(place, maxBytes);
    const ledger = await this.#ledger(place.device);
    const { db, store, rules } = this.#options;
    const quotaBytes = place.type === 'locks' ? Infinity : await rules.effectiveQuota(place.device);
    if (await isVaultFile(db, place)) throw isThere(place);
    using reservation = ledger.reserve(place, quotaBytes);
    await this.#makeRoom(place);
    if (upload.bytes !== undefined) reservation.grow(upload.bytes);
    await using writer = await store.createWriter(place, { maxBytes: upload.bytes ?? maxBytes });
    await takeBody(upload.body, maxBytes, async (piece) => {
      if (upload.bytes === undefined) reservation.grow(piece.byteLength);
      await writer.write(piece);
      this.#options.onReceived?.(piece.byteLength);
    });
    await this.#enter(place, writer);
    reservation.settle(writer.bytesWritten);
  }

  /** Durable when it resolves. @throws SyncError 'forbidden' without a grant, 'notFound', 'conflict' while it is written */
  async remove(place: VaultPlace, actor: string): Promise<void> {
    const { db, store, rules } = this.#options;
    const ledger = await this.#ledger(place.device);
    if (place.type !== 'locks') await rules.requireGrant(place);
    // A file of the same name that comes meanwhile would go with this one.
    using _held = ledger.hold(place);
    // First from the list: a file that is left over is listed again at the next start, one that is listed and gone is damage.
    const bytes = await db.transaction().execute(async (transaction) => {
      const removed = await removeVaultFile(transaction, place);
      if (removed !== undefined && place.type !== 'locks') {
        await countVaultRemoval(transaction, { device: place.device, actor, bytes: removed });
      }
      return removed;
    });
    if (bytes === undefined) throw noSuchFile(place);
    await store.remove(place);
    ledger.removed(place, bytes);
    this.#auditTimer ??= setTimeout(() => void this.auditRemovals(), auditDelayMs).unref();
  }

  /** Puts into the audit log what was removed since the last time; never rejects. */
  async auditRemovals(): Promise<void> {
    const { db, now, logger } = this.#options;
    clearTimeout(this.#auditTimer);
    this.#auditTimer = undefined;
    try {
      const removals = await db.transaction().execute(async (transaction) => {
        const taken = await takeVaultRemovals(transaction);
        for (const { device, actor, files, bytes } of taken) {
          const entry = { actor, action: 'vault.removed', device, detail: { files, bytes } };
          await audit(transaction, now(), entry);
        }
        return taken;
      });
      for (const { device, actor, files, bytes } of removals) {
        logger.info('vault.removed', { device, by: actor, files, bytes });
      }
    } catch (error) {
      // What was counted stays counted.
      logger.error('vault.auditFailed', { error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.auditRemovals();
  }

  /** The place is ours alone: what lies there and is not listed is of an upload that failed after its file had its name. */
  async #makeRoom(place: VaultPlace): Promise<void> {
    const { db, store } = this.#options;
    if (!(await store.stat(place))) return;
    if (await isVaultFile(db, place)) throw isThere(place);
    await store.remove(place);
  }

  async #enter(place: VaultPlace, writer: VaultWriter): Promise<void> {
    const { db, now, store } = this.#options;
    await writer.commit();
    try {
      await addVaultFile(db, { ...place, bytes: writer.bytesWritten, receivedMs: now().getTime() });
    } catch (error) {
      await store.remove(place);
      throw storageError(error);
    }
  }

  #ledger(device: string): Promise<VaultLedger> {
    const known = this.#ledgers.get(device);
    if (known) return known;
    const opening = this.#open(device);
    this.#ledgers.set(device, opening);
    opening.catch(() => this.#ledgers.delete(device));
    return opening;
  }

  async #open(device: string): Promise<VaultLedger> {
    const { db, store, logger } = this.#options;
    if (!(await deviceExists(db, device))) throw noSuchDevice(device);
    return openVaultLedger(device, { db, store, logger });
  }
}

const noSuchFile = (place: VaultPlace) =>
  new SyncError('notFound', `There is no file ${describePlace(place)} in the vault of ${place.device}`);

const isThere = (place: VaultPlace) =>
  new SyncError('conflict', `The vault of ${place.device} has a file ${describePlace(place)} already`, {
    hint: 'Files of a repository are never overwritten.',
  });

/** Without the path: where the cloud keeps its files is not for devices to know. */
const noSpace = (cause: SyncError) =>
  new SyncError('diskFull', 'Cannot store: the disk of the control plane is full', {
    ...{ cause, transient: true, hint: 'Free space on it, or let vaults be pruned: holdfast vault grant.' },
  });

const tooLarge = (place: VaultPlace, maxBytes: number) =>
  new SyncError('tooLarge', `A file of ${place.type} has at most ${maxBytes} bytes`);
