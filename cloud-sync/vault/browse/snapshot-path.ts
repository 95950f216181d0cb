import { SyncError } from '../../errors.ts';

const maxSegments = 4_096;

/** The names on the way from the root of a snapshot, of a path with or without a slash at its ends. Rejects `..` with `badRequest`. */
export function segmentsOf(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..') || segments.length > maxSegments) {
    throw new SyncError(
      'badRequest',
      `Cannot look for ${path} in a snapshot. Write it from the root, without ..`,
    );
  }
  return segments;
}
