import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { asDiskError } from '../../oci/disk-errors.ts';

/** What a failed call of the file system means to who uses the backend; passes on what it does not know. */
export function asFolderError(error: unknown, path: string): unknown {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new SyncError('notFound', `There is no ${path}`, { cause: error });
    case 'EEXIST':
      return new SyncError('conflict', `${path} is there already`, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new SyncError('forbidden', `The system does not allow to open or change ${path}`, {
        cause: error,
        hint: 'Check the owner and the mode of the folder, and whether its file system is mounted read-only.',
      });
    case 'EIO':
      return new SyncError('corrupt', `The disk failed at ${path}`, {
        cause: error,
        hint: 'Check the disk.',
      });
    case 'EMFILE':
    case 'ENFILE':
    case 'EBUSY':
    case 'ESTALE':
    case 'ETIMEDOUT':
      return new SyncError('unavailable', `${path} cannot be reached at the moment`, {
        cause: error,
        transient: true,
      });
    default:
      return asDiskError(error, path);
  }
}
