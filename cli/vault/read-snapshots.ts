import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { errorMessage } from '../../lib/error-code.ts';
import { printable } from '../printable.ts';
import type { Run } from '../run.ts';

/** All snapshots, oldest first. One that does not verify is said on stderr and left out: the others can be used. */
export async function readSnapshots(
  { out, signal }: Run,
  repository: Repository,
  onDamaged: (id: string) => void = () => undefined,
): Promise<Snapshot[]> {
  return repository.snapshots({
    signal,
    onDamaged: (id, error) => {
      out.note(`Snapshot ${id} is damaged: ${printable(errorMessage(error))}`);
      onDamaged(id);
    },
  });
}
