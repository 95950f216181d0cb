import { bytesOfName } from '../format/name-bytes.ts';

/** A path with names as in `TreeNode.name`, for the functions of node and of `lib/posix.ts`. */
export function rawPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOfName(path);
}
