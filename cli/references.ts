import type { Digest } from '../lib/digest.ts';
import type { JsonObject } from '../manifests/index.ts';
import type { Cloud } from './cloud.ts';
import type { ManifestFile } from './manifest-file.ts';
import { patiently } from './patience.ts';
import type { Run } from './run.ts';

/** The document with every tag turned into the digest that its registry gives for it now. */
export async function resolveReferences(run: Run, cloud: Cloud, file: ManifestFile): Promise<JsonObject> {
  const { resolve } = await import('../manifests/index.ts');
  return resolve(file.document, (reference) => lookUp(run, cloud, reference), {
    signal: run.signal,
    locate: file.locate,
  });
}

async function lookUp(run: Run, cloud: Cloud, reference: string): Promise<Digest> {
  const { parseReference } = await import('../cloud-sync/oci/index.ts');
  const { registry, repository, tag = 'latest' } = parseReference(reference);
  const client = cloud.registry(registry);
  const found = await patiently(run, () => client.resolveTag(repository, tag, { signal: run.signal }));
  return found.digest;
}
