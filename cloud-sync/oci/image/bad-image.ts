import { SyncError } from '../../errors.ts';

/** An image that no other registry and no other attempt makes better. */
export function badImage(name: string, what: string, cause?: unknown): SyncError {
  return new SyncError('badImage', `${name} ${what}`, {
    cause,
    hint: 'It was built or pushed wrongly: build it again, or name another image.',
  });
}
