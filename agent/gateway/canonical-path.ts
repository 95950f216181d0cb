export type CanonicalPath = {
  /** Every escape undone: what a function sees that decodes its path. */
  readonly decoded: string;
  /** The same with escaped slashes left as they are: what one sees that splits before it decodes. */
  readonly segments: string;
};

/**
 * The readings of a path that a URL parser gave. Undefined for one that is not UTF-8 or hides a `..`, a backslash or a NUL
 * behind escapes: no two programs agree on where that leads.
 */
export function canonicalPath(pathname: string): CanonicalPath | undefined {
  if (!pathname.includes('%')) return { decoded: pathname, segments: pathname };
  const parts = pathname.split('/').map(decode);
  if (parts.some((part) => part === undefined)) return undefined;
  const decoded = parts.join('/');
  if (/[\0\\]|(?:^|\/)\.\.?(?:\/|$)/.test(decoded)) return undefined;
  return { decoded, segments: parts.map((part) => part?.replaceAll('/', '%2F')).join('/') };
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
