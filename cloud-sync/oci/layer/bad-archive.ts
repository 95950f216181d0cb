import { SyncError } from '../../errors.ts';

/** Of an archive that is refused as a whole: nobody makes such layers for a good reason. */
export function badArchive(what: string, cause?: unknown): SyncError {
  return new SyncError('badArchive', `The layer is refused: ${what}`, {
    cause,
    hint: 'Nothing of it was kept. Build the image again, or name another one.',
  });
}

/** A name of an archive, short enough for a line of a log. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
