import type { InspectProgress } from '../../cloud-sync/vault/upkeep/inspect.ts';
import { plural } from '../plural.ts';
import type { Progress } from '../progress.ts';

/** Shows how far a look through the repository is. */
export function showInspection(progress: Progress): (now: InspectProgress) => void {
  return (now) => {
    if (now.phase === 'packs') progress.bytes(now.bytes, now.bytesTotal);
    else progress.text(now.phase === 'listing' ? 'listing' : plural(now.trees, 'tree'));
  };
}
