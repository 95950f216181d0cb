import { digestOf } from '../lib/digest.ts';
import { plan, readCanonicalManifest, summarize } from '../manifests/index.ts';
import type { PlanResponse } from './control/protocol.ts';
import { downloadSizes } from './download-sizes.ts';
import type { StateStore } from './reconcile/state-store.ts';
import type { Sources } from './sources.ts';

/** For registries to tell sizes. */
const patienceMs = 5000;

/** What applying a resolved manifest would do on this device, as it is now. */
export async function planHere(
  canonical: Uint8Array,
  store: StateStore,
  { manifests, layout, registry }: Sources,
): Promise<PlanResponse> {
  const { machine: desired } = readCanonicalManifest(canonical, digestOf(canonical));
  const { current } = store.state;
  const applied = current ? await manifests.load(current) : null;
  const sizes = await downloadSizes(desired, { layout, registry, signal: AbortSignal.timeout(patienceMs) });
  const { steps, downloadBytes, restarts } = plan(desired, {
    ...{ applied, present: await layout.digests(), sizes },
  });
  return {
    steps: steps.map((step) => ({ ...step, summary: summarize(step) })),
    downloadBytes,
    restarts: [...restarts],
  };
}
