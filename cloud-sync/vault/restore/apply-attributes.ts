import { chmodSync, lchownSync, lutimesSync } from 'node:fs';
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

/**
 * Owner, mode, extended attributes and times, in this order: each may undo what comes after it. Never follows a link at the end of
 * `path`. What cannot be set is returned as a line for people; the rest is set all the same. Throws what stops everything.
 */
export function applyAttributes(
  path: RawPath,
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
  if (context.owners && !isOwn) attempt(`Owner ${uid}:${gid}`, () => lchownSync(path as string, uid, gid));
  if (!isLink) attempt('Mode', () => chmodSync(path as string, modeFor(attributes, context)));
  for (const { name, value } of extended) {
    attempt(`Attribute ${name}`, () => setAttribute(context.posix, path, name, value));
  }
  attempt('Times', () => setTimes(context.posix, path, attributes));
  return failures;
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

/** Node's own function has a precision of about 200 ns. */
function setTimes(posix: Posix | undefined, path: RawPath, { atimeNs, mtimeNs }: Attributes): void {
  if (posix !== undefined) posix.setTimes(path, { atimeNs, mtimeNs });
  else lutimesSync(path as string, Number(atimeNs) / 1e9, Number(mtimeNs) / 1e9);
}
