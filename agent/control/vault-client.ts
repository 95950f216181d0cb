import { z } from 'zod';
import type { HttpsRequest } from '../../lib/https-client.ts';
import { AgentError } from '../errors.ts';
import type { ControlTransport } from './control-transport.ts';
import {
  addKeyResponseSchema,
  keySlotsSchema,
  snapshotLineSchema,
  trustOwnerResponseSchema,
  upkeepLineSchema,
  vaultJobsSchema,
  vaultStatusSchema,
  type AddedKey,
  type KeySlotStatus,
  type SnapshotLine,
  type UpkeepLine,
  type UpkeepRequest,
  type UpkeepResult,
  type VaultJobStatus,
  type VaultStatus,
} from './vault-protocol.ts';

type UpkeepProgress = Extract<UpkeepLine, { progress: unknown }>['progress'];

/** The vault of the agent. Rejects as `ControlClient` does. */
export class VaultClient {
  readonly #options: ControlTransport;

  constructor(options: ControlTransport) {
    this.#options = options;
  }

  async status(signal: AbortSignal): Promise<VaultStatus> {
    return this.#options.json(vaultStatusSchema, { url: '/v1/vault', signal });
  }

  /** Newest first. */
  async jobs(signal: AbortSignal): Promise<VaultJobStatus[]> {
    return (await this.#options.json(vaultJobsSchema, { url: '/v1/vault/jobs', signal })).jobs;
  }

  /**
   * Snapshots these volumes, all by default, one after the other: progress of each, then its outcome or problem. Ends, and
   * ends what it began, when `signal` aborts.
   */
  async *snapshot(
    request: { readonly volumes?: readonly string[]; readonly reason?: string },
    signal: AbortSignal,
  ): AsyncGenerator<SnapshotLine> {
    yield* this.#options.lines(snapshotLineSchema, { ...posted('/v1/vault/snapshots', request), signal });
  }

  /** Forgets, prunes or checks; rejects with the agent's problem. */
  async upkeep(
    request: UpkeepRequest,
    {
      signal,
      onProgress,
    }: { readonly signal: AbortSignal; readonly onProgress?: (progress: UpkeepProgress) => void },
  ): Promise<UpkeepResult> {
    const asked = { ...posted('/v1/vault/upkeep', request), signal };
    for await (const line of this.#options.lines(upkeepLineSchema, asked)) {
      if ('result' in line) return line.result;
      if ('problem' in line) throw refused(line.problem);
      onProgress?.(line.progress);
    }
    signal.throwIfAborted();
    throw new AgentError('agentNotRunning', 'The agent went away before it was done');
  }

  async keys(signal: AbortSignal): Promise<KeySlotStatus[]> {
    return (await this.#options.json(keySlotsSchema, { url: '/v1/vault/keys', signal })).slots;
  }

  /** Resolves with the name of the slot once it is in the repository. */
  async addPassphrase(passphrase: string, signal: AbortSignal): Promise<AddedKey> {
    const request = posted('/v1/vault/keys', { kind: 'passphrase', passphrase });
    return this.#options.json(addKeyResponseSchema, { ...request, signal });
  }

  /** The code is told this once. */
  async addRecoveryCode(signal: AbortSignal): Promise<AddedKey> {
    const request = posted('/v1/vault/keys', { kind: 'recovery' });
    return this.#options.json(addKeyResponseSchema, { ...request, signal });
  }

  /** `name`, or its beginning. Resolves with the slots that are left. */
  async removeKey(name: string, signal: AbortSignal): Promise<KeySlotStatus[]> {
    const url = `/v1/vault/keys/${encodeURIComponent(name)}`;
    return (await this.#options.json(keySlotsSchema, { method: 'DELETE', url, signal })).slots;
  }

  /** What the store has now is the truth: for someone who knows why something is gone. */
  async acceptState(signal: AbortSignal): Promise<void> {
    await this.#options.json(z.object({}), { ...posted('/v1/vault/state', { accept: true }), signal });
  }

  /** Resolves with the fingerprint of the owner key that is trusted now. */
  async trustOwner(fingerprint: string, signal: AbortSignal): Promise<string> {
    const request = posted('/v1/vault/owner', { fingerprint });
    return (await this.#options.json(trustOwnerResponseSchema, { ...request, signal })).fingerprint;
  }
}

function refused({ message, hint, code }: { code: string; message: string; hint?: string | undefined }) {
  return new AgentError('refused', message, { ...(hint !== undefined && { hint }), cause: { code } });
}

function posted(url: string, body: object): HttpsRequest {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', url, headers, body: JSON.stringify(body) };
}
