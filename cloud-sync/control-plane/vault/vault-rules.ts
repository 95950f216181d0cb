import { SyncError } from '../../errors.ts';
import type { VaultGrant, VaultUsage } from '../../protocol/vault.ts';
import { audit } from '../database/audit.ts';
import type { Database } from '../database/schema.ts';
import { selectVaultSnapshots, selectVaultUsage } from '../database/vault-files.ts';
import {
  endVaultGrant,
  selectVaultGrant,
  selectVaultQuota,
  setVaultGrant,
  setVaultQuota,
  unsetVaultQuota,
} from '../database/vault-rules.ts';
import { describePlace, type VaultPlace } from './vault-place.ts';

export type VaultRulesOptions = {
  readonly db: Database;
  readonly now: () => Date;
  /** Of a device without a quota of its own; null is without end. */
  readonly defaultQuotaBytes: number | null;
};

const maxListedSnapshots = 1000;
/** A full repository must be able to hold what a prune writes before it removes anything: a tenth more, and this at least. */
const leastHeadroomBytes = 64 * 2 ** 20;

/** How much a device's vault may take, and until when something may be removed from it. Changes go into the audit log. */
export class VaultRules {
  readonly #options: VaultRulesOptions;

  constructor(options: VaultRulesOptions) {
    this.#options = options;
  }

  /** null is without end. */
  async quota(device: string): Promise<number | null> {
    const own = await selectVaultQuota(this.#options.db, device);
    return own === undefined ? this.#options.defaultQuotaBytes : own;
  }

  /** In bytes, Infinity without end; larger while a grant runs, so that there is room to prune. */
  async effectiveQuota(device: string): Promise<number> {
    const quotaBytes = await this.quota(device);
    if (quotaBytes === null) return Infinity;
    const granted = (await this.grant(device)) !== null;
    return granted ? quotaBytes + Math.max(leastHeadroomBytes, quotaBytes / 10) : quotaBytes;
  }

  async setQuota(device: string, quotaBytes: number | null, actor: string): Promise<void> {
    const { db, now } = this.#options;
    await db.transaction().execute(async (transaction) => {
      await setVaultQuota(transaction, device, quotaBytes);
      const detail = quotaBytes === null ? {} : { quotaBytes };
      await audit(transaction, now(), { actor, action: 'vault.quotaSet', device, detail });
    });
  }

  /** @throws SyncError 'notFound' when it has none of its own */
  async resetQuota(device: string, actor: string): Promise<void> {
    const { db, now } = this.#options;
    await db.transaction().execute(async (transaction) => {
      if (!(await unsetVaultQuota(transaction, device)))
        throw new SyncError('notFound', `The vault of ${device} has no quota of its own`);
      await audit(transaction, now(), { actor, action: 'vault.quotaReset', device });
    });
  }

  /** The one that runs now. */
  async grant(device: string): Promise<VaultGrant | null> {
    return selectVaultGrant(this.#options.db, device, this.#options.now().getTime());
  }

  /** In place of an earlier one. */
  async giveGrant(device: string, forMs: number, actor: string): Promise<VaultGrant> {
    const { db, now } = this.#options;
    const grant = { untilMs: now().getTime() + forMs, by: actor };
    await db.transaction().execute(async (transaction) => {
      await setVaultGrant(transaction, device, grant);
      const detail = { forMs, until: new Date(grant.untilMs).toISOString() };
      await audit(transaction, now(), { actor, action: 'vault.granted', device, detail });
    });
    return grant;
  }

  async endGrant(device: string, actor: string): Promise<void> {
    const { db, now } = this.#options;
    if ((await this.grant(device)) === null) return;
    await db.transaction().execute(async (transaction) => {
      await endVaultGrant(transaction, device);
      await audit(transaction, now(), { actor, action: 'vault.grantEnded', device });
    });
  }

  /** @throws SyncError 'forbidden' when no grant runs, or nothing ever allows it */
  async requireGrant(place: VaultPlace): Promise<void> {
    const { device, type } = place;
    if (type === 'config') throw new SyncError('forbidden', 'The config of a repository is never removed');
    if ((await this.grant(device)) !== null) return;
    throw new SyncError(
      'forbidden',
      `Nothing may be removed from the vault of ${device}: ${describePlace(place)} stays`,
      {
        hint: `An operator may allow it for a time: holdfast vault grant ${device} --for 1h.`,
      },
    );
  }

  async usage(device: string): Promise<VaultUsage> {
    const { db } = this.#options;
    const used = await selectVaultUsage(db, device);
    const of = (type: string) => used.get(type) ?? { count: 0, bytes: 0 };
    const snapshots = await selectVaultSnapshots(db, device, maxListedSnapshots);
    return {
      device,
      bytes: [...used.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      quotaBytes: await this.quota(device),
      files: {
        ...{ config: of('config'), keys: of('keys'), data: of('data') },
        ...{ index: of('index'), snapshots: of('snapshots'), locks: of('locks') },
      },
      snapshots,
      newestReceivedMs: snapshots[0]?.receivedMs ?? null,
      grant: await this.grant(device),
    };
  }
}
