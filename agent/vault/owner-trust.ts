import type { Condition } from '../../cloud-sync/protocol/messages.ts';
import { ownerFingerprint, ownerPublicKey } from '../../cloud-sync/vault/keys/owner-public-key.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import type { VaultStateHolder } from './vault-state.ts';

/**
 * Which owner key this device seals to. The first one that a manifest named stays: manifests come from the cloud, and one with
 * the key of somebody else would give that one the data. Another is used once it was accepted on the device. [G7]
 */
export class OwnerTrust {
  readonly #state: VaultStateHolder;
  readonly #logger: Logger;
  /** Public key of the manifest that runs; null without one. */
  #named: string | null = null;

  constructor({ state, logger }: { readonly state: VaultStateHolder; readonly logger: Logger }) {
    this.#state = state;
    this.#logger = logger;
  }

  /** `owner` as the manifest has it. */
  async configure(owner: string | undefined): Promise<void> {
    try {
      this.#named = owner === undefined ? null : ownerPublicKey(owner);
    } catch (error) {
      this.#logger.error('vault.owner.unreadable', { error });
      this.#named = null;
    }
    const named = this.#named;
    await this.#state.update(({ trustedOwner }) =>
      (trustedOwner ?? named) === trustedOwner ? {} : { trustedOwner: named },
    );
    if (this.offered !== null)
      this.#logger.warn('vault.owner.changed', { trusted: this.trusted, offered: this.offered });
  }

  /** Fingerprints. */
  get trusted(): string | null {
    const { trustedOwner } = this.#state.state;
    return trustedOwner === null ? null : ownerFingerprint(trustedOwner);
  }

  /** Of a key that the manifest names and this device does not use. */
  get offered(): string | null {
    const { trustedOwner } = this.#state.state;
    return this.#named === null || this.#named === trustedOwner ? null : ownerFingerprint(this.#named);
  }

  /** Rejects with AgentError 'badInput' unless the manifest's key has this fingerprint. */
  async accept(fingerprint: string): Promise<string> {
    const named = this.#named;
    const plain = (text: string): string => text.replaceAll(/\s/g, '').toLowerCase();
    if (named === null || plain(ownerFingerprint(named)) !== plain(fingerprint)) {
      throw new AgentError(
        'badInput',
        `The manifest that runs names no owner key with the fingerprint ${fingerprint}`,
        {
          hint: 'See both keys: holdfast vault status.',
        },
      );
    }
    await this.#state.update(({ trustedOwner }) => (trustedOwner === named ? {} : { trustedOwner: named }));
    this.#logger.warn('vault.owner.accepted', { fingerprint: ownerFingerprint(named) });
    return ownerFingerprint(named);
  }

  conditions(): Condition[] {
    const { offered, trusted } = this;
    if (offered === null) return [];
    return [
      {
        type: 'OwnerKeyChanged',
        status: true,
        reason: 'notTrusted',
        message: `The manifest names the owner key ${offered}, and this device trusts ${trusted ?? 'none'}: snapshots stay readable by the one it trusts alone. If you changed it, accept it on the device: holdfast vault trust-owner.`,
      },
    ];
  }
}
