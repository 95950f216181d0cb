import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { keptGenerations } from './history.ts';
import type { ArtifactSource, ManifestSource } from './ports.ts';
import type { Pointer, StateHolder } from './state-schema.ts';

export type CollectOptions = {
  readonly store: StateHolder;
  readonly manifests: ManifestSource;
  readonly artifacts: ArtifactSource;
  readonly logger: Logger;
};

type Stored = { readonly pointer: Pointer; readonly machine: Machine };

/**
 * Forgets manifests and artifacts of generations that are not kept, by the `updates` of the one that runs. Nothing may be brought to
 * disk meanwhile. Never rejects: what cannot be forgotten now is the next time.
 */
export async function collectGenerations(options: CollectOptions): Promise<void> {
  const { store, manifests, artifacts, logger } = options;
  try {
    const { current, observed } = store.state;
    if (!current || current.generation !== observed?.generation) return;
    const { keep, store: maxBytes = Number.POSITIVE_INFINITY } = (await manifests.load(current)).updates;
    const { always, optional } = keptGenerations(store.state, keep);
    const must = await load(manifests, always);
    const kept = await withinBudget(artifacts, must, { optional: await load(manifests, optional), maxBytes });
    await artifacts.collect(kept.map(({ machine }) => machine));
    await manifests.collect(kept.map(({ pointer }) => pointer.digest));
  } catch (error) {
    logger.warn('reconcile.collect.failed', { error });
  }
}

/** Those that are still there. */
async function load(manifests: ManifestSource, pointers: readonly Pointer[]): Promise<Stored[]> {
  const found = await Promise.all(
    pointers.map(async (pointer) => {
      const machine = await manifests.load(pointer).catch(() => undefined);
      return machine ? [{ pointer, machine }] : [];
    }),
  );
  return found.flat();
}

/** `optional` comes the newest first: the oldest go first. */
async function withinBudget(
  artifacts: ArtifactSource,
  must: readonly Stored[],
  { optional, maxBytes }: { readonly optional: readonly Stored[]; readonly maxBytes: number },
): Promise<Stored[]> {
  if (!Number.isFinite(maxBytes)) return [...must, ...optional];
  for (let count = optional.length; count > 0; count--) {
    const kept = [...must, ...optional.slice(0, count)];
    if ((await artifacts.sizeOf(kept.map(({ machine }) => machine))) <= maxBytes) return kept;
  }
  return [...must];
}
