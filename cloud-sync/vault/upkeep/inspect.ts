import type { CallOptions } from '../backend/backend.ts';
import type { Repository } from '../repository.ts';
import { BlobCatalog } from './blob-catalog.ts';
import { inspectPacks, type PackInspection, type PackProgress, type PackSubset } from './inspect-packs.ts';
import { inspectTrees, type TreeInspection } from './inspect-trees.ts';
import { surveyRepository, type Survey } from './survey.ts';

export type InspectProgress =
  | { readonly phase: 'listing' }
  | ({ readonly phase: 'packs' } & PackProgress)
  | { readonly phase: 'trees'; readonly trees: number };

export type InspectOptions = CallOptions & {
  /** Read and verify all packs, or a part of them; default only what is needed to walk through the trees. */
  readonly readData?: boolean | PackSubset;
  readonly onProgress?: (progress: InspectProgress) => void;
};

/** All that is known of a repository after looking; what a check reports and a repair goes by. */
export type Inspection = {
  readonly survey: Survey;
  readonly packs: PackInspection;
  readonly catalog: BlobCatalog;
  readonly trees: TreeInspection;
};

/** Looks without a lock, changes nothing. Damage is in what it resolves with; rejects as the backend does. */
export async function inspectRepository(
  repository: Repository,
  { readData = false, onProgress, signal }: InspectOptions,
): Promise<Inspection> {
  onProgress?.({ phase: 'listing' });
  const survey = await surveyRepository(repository, { signal });
  const packs = await inspectPacks(repository, survey, {
    ...{ readData, signal },
    onProgress: (progress) => onProgress?.({ phase: 'packs', ...progress }),
  });
  const catalog = new BlobCatalog(repository, survey, packs.damages);
  const roots = survey.snapshots.map(({ document }) => document.tree);
  const trees = await inspectTrees(catalog, roots, {
    signal,
    onTree: (count) => onProgress?.({ phase: 'trees', trees: count }),
  });
  return { survey, packs, catalog, trees };
}
