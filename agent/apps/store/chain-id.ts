import { digestOf, type Digest } from '../../../lib/digest.ts';

/** For each layer, the lowest first, what it makes together with those below (OCI image spec, config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly Digest[]): Digest[] {
  const ids: Digest[] = [];
  for (const diffId of diffIds) {
    const below = ids.at(-1);
    ids.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return ids;
}
