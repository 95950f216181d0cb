import { SyncError } from '../../cloud-sync/errors.ts';

/** Of a file that is refused as a whole. */
export function badBundle(what: string, cause?: unknown): SyncError {
  return new SyncError('badArchive', `The bundle is refused: ${what}`, {
    cause,
    hint: 'Nothing of it was installed. Write it anew: holdfast export machine.yaml -o machine.hfb.',
  });
}
