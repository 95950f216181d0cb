import { badArchive, quoted } from './bad-archive.ts';

const prefix = '.wh.';
const opaque = '.wh..wh..opq';

/**
 * Whether an entry says that something of the layers below is not there: one name, or all that is in its folder. Throws `badArchive` for
 * one that names no file, and for what lies in a folder of such a name.
 */
export function readWhiteout(
  folders: readonly string[],
  name: string,
): { readonly name: string } | 'opaque' | undefined {
  const above = folders.find((folder) => folder.startsWith(prefix));
  if (above !== undefined) throw badArchive(`${quoted(above)} is a whiteout, and something is in it`);
  if (!name.startsWith(prefix)) return undefined;
  if (name === opaque) return 'opaque';
  const hidden = name.slice(prefix.length);
  if (['', '.', '..'].includes(hidden)) throw badArchive(`the whiteout ${quoted(name)} names no file`);
  return { name: hidden };
}
