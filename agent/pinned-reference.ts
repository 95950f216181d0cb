import { parseReference } from '../cloud-sync/oci/index.ts';
import type { Digest } from '../lib/digest.ts';
import { AgentError } from './errors.ts';

export type PinnedReference = {
  /** Undefined is the control plane's own. */
  readonly registry: string | undefined;
  readonly repository: string;
  readonly digest: Digest;
};

/** Throws `notPinned` for a reference of the machine file that names no digest. */
export function pinnedReference(component: string, reference: string): PinnedReference {
  const { registry, repository, digest } = parseReference(reference);
  if (digest === undefined)
    throw new AgentError('notPinned', `${component} is ${reference}, which names no digest`);
  return { registry, repository, digest };
}
