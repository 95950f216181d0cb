import { chmodSync, fchmodSync, fchownSync, futimesSync, lchownSync, lutimesSync } from 'node:fs';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { Posix, RawPath } from '../../../lib/posix.ts';
import type { Attributes } from './staged-tree.ts';
import { stopsEverything } from './fatal-codes.ts';

export type AttributeContext = {
  readonly posix: Posix | undefined;
  /** Whether files get the owners that the snapshot names. */
  readonly owners: boolean;
  /** Effective ids of this process: what new files have already. */
  readonly uid: number;
  readonly gid: number;
};

const setIds = 0o6000;

/** `file`: the same, open. It spares the system the way to it, which is half of the work. */
export type Place = { readonly path: RawPath; readonly file?: number };

/**
 * Users' own attributes, which take the right to write the file; then owner, mode, other attributes and times, each of which may undo
 * what comes after it. Never follows a link at the end of the path. What cannot be set is returned as a line for people; the rest is
 * set all the same. Throws what stops everything.
 */
export function applyAttributes(
  place: Place,
  attributes: Attributes,
  { isLink, ...context }: AttributeContext & { readonly isLink: boolean },
): string[] {
  const failures: string[] = [];
  const attempt = (what: string, set: () => void): void => {
    try {
      set();
    } catch (error) {
      if (stopsEverything(error)) throw error;
      failures.push(`${what} cannot be set: ${errorCode(error) ?? errorMessage(error)}`);
    }
  };
  const { uid, gid, extended } = attributes;
  const isOwn = uid === context.uid && gid === context.gid;
  const setExtended = (isWanted: (name: string) => boolean): void => {
    for (const { name, value } of extended)
      if (isWanted(name))
        attempt(`Attribute ${name}`, () => setAttribute(context.posix, place.path, name, value));
  };
  setExtended(isUsers);
  if (context.owners && !isOwn) attempt(`Owner ${uid}:${gid}`, () => setOwner(place, uid, gid));
  if (!isLink) attempt('Mode', () => setMode(place, modeFor(attributes, context)));
  setExtended((name) => !isUsers(name));
  attempt('Times', () => setTimes(context.posix, place.file ?? place.path, attributes));
  return failures;
}

function isUsers(name: string): boolean {
  return name.startsWith('user.');
}

/** With another owner a set-user-id or set-group-id bit would give away what the snapshot never meant to give. */
function modeFor({ mode, uid, gid }: Attributes, context: AttributeContext): number {
  const isOwned = context.owners || (uid === context.uid && gid === context.gid);
  return isOwned ? mode & 0o7777 : mode & 0o7777 & ~setIds;
}

function setAttribute(posix: Posix | undefined, path: RawPath, name: string, value: Uint8Array): void {
  if (posix === undefined) throw Object.assign(new Error('no access to the C library'), { code: 'ENOSYS' });
  posix.setAttribute(path, name, value);
}

function setOwner({ path, file }: Place, uid: number, gid: number): void {
  if (file === undefined) lchownSync(path as string, uid, gid);
  else fchownSync(file, uid, gid);
}

function setMode({ path, file }: Place, mode: number): void {
  if (file === undefined) chmodSync(path as string, mode);
  else fchmodSync(file, mode);
}

/** Node's own functions have a precision of about 200 ns. */
function setTimes(posix: Posix | undefined, of: RawPath | number, { atimeNs, mtimeNs }: Attributes): void {
  if (posix !== undefined) {
    posix.setTimes(of, { atimeNs, mtimeNs });
    return;
  }
  const [atime, mtime] = [Number(atimeNs) / 1e9, Number(mtimeNs) / 1e9];
  if (typeof of === 'number') futimesSync(of, atime, mtime);
  else lutimesSync(of as string, atime, mtime);
}
