import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isCodedError } from '../../lib/coded-error.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { DurableAdapter } from '../reconcile/durable-adapter.ts';

const problemSchema = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() });

/** Milliseconds since 1970 throughout. */
const volumeStateSchema = z.strictObject({
  /** The cron expression that `handledMs` is of. */
  schedule: z.string(),
  /** Scheduled runs up to then are done with, or were before the schedule. */
  handledMs: z.number(),
  last: z
    .strictObject({
      snapshot: z.string(),
      timeMs: z.number(),
      totalBytes: z.number(),
      newBytes: z.number(),
      storedBytes: z.number(),
      durationMs: z.number(),
      problems: z.int(),
    })
    .nullable(),
  unchangedMs: z.number().nullable(),
  failure: problemSchema
    .extend({ timeMs: z.number(), attempts: z.int(), retryMs: z.number().nullable() })
    .nullable(),
});
export type VolumeState = z.output<typeof volumeStateSchema>;

const stateSchema = z.strictObject({
  version: z.literal(1),
  repository: z
    .strictObject({
      location: z.string(),
      id: z.string(),
      /** The key slot that opened it. */
      slot: z.string().optional(),
    })
    .nullable(),
  /** The owner key that was seen first, or accepted since: a changed one is not used. */
  trustedOwner: z.string().nullable(),
  /** The slot that was sealed to it, in the repository above. */
  ownerSlot: z.strictObject({ owner: z.string(), name: z.string() }).nullable(),
  retention: z.strictObject({ timeMs: z.number(), problem: problemSchema.nullable() }).nullable(),
  volumes: z.record(z.string(), volumeStateSchema),
});
export type VaultState = z.output<typeof stateSchema>;

/** Of a device that never had a vault. */
export const emptyVaultState: VaultState = {
  version: 1,
  repository: null,
  trustedOwner: null,
  ownerSlot: null,
  retention: null,
  volumes: {},
};

export type VaultStateHolder = {
  readonly state: Readonly<VaultState>;
  /** Merges and resolves when it is on disk; calls are taken in order. */
  update(change: (state: VaultState) => Partial<VaultState>): Promise<void>;
};

/** What the vault keeper knows of its repository and its runs: `<root>/vault/state.json`, checksummed, the copy before it kept. */
export class VaultStateStore implements VaultStateHolder {
  readonly #adapter: DurableAdapter<VaultState>;
  #state: VaultState;
  #writing: Promise<void> = Promise.resolve();

  private constructor(adapter: DurableAdapter<VaultState>, state: VaultState) {
    this.#adapter = adapter;
    this.#state = state;
  }

  static async open(root: string, logger: Logger): Promise<VaultStateStore> {
    const folder = join(root, 'vault');
    await makeFolder(folder, { mode: 0o700 });
    const path = join(folder, 'state.json');
    const onRecovered = (reason: string): void => logger.warn('vault.state.recovered', { reason });
    const adapter = new DurableAdapter({ path, schema: stateSchema, onRecovered });
    return new VaultStateStore(adapter, (await readOrSetAside(adapter, path, logger)) ?? emptyVaultState);
  }

  get state(): Readonly<VaultState> {
    return this.#state;
  }

  async update(change: (state: VaultState) => Partial<VaultState>): Promise<void> {
    const write = this.#writing.then(async () => {
      const changed = change(this.#state);
      if (Object.keys(changed).length === 0) return;
      const next = { ...this.#state, ...changed };
      await this.#adapter.write(next);
      this.#state = next;
    });
    this.#writing = write.catch(() => undefined);
    await write;
  }
}

/** What the keeper wrote last, for a reader beside it; changes nothing. */
export async function readVaultState(root: string): Promise<Readonly<VaultState>> {
  const path = join(root, 'vault', 'state.json');
  const adapter = new DurableAdapter({ path, schema: stateSchema, onRecovered: () => undefined });
  return (await adapter.read()) ?? emptyVaultState;
}

/** Without it the agent still runs, and the repository tells what is in it: the broken one is kept for people to see. */
async function readOrSetAside(
  adapter: DurableAdapter<VaultState>,
  path: string,
  logger: Logger,
): Promise<VaultState | null> {
  try {
    return await adapter.read();
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'stateBroken') throw error;
    logger.error('vault.state.setAside', { error });
    // The copy before it too: it would be what the next start finds. It goes first, for as long as the other is there this is done again.
    for (const one of [`${path}.previous`, path]) await setAside(one);
    return null;
  }
}

async function setAside(path: string): Promise<void> {
  try {
    await rename(path, `${path}.broken`);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
