import type { Exclusion } from '../../vault/snapshot/exclude-patterns.ts';

/**
 * Divides a tree: one layer for each folder named, and above them one for the rest. For each, the lowest first, what is not of it; the
 * folders that lead to one are of both, so that a layer can stand alone. Of nested folders the deeper one has what is in it.
 */
export function planLayers(folders: readonly string[], exclude: Exclusion): Exclusion[] {
  const parts = folders.map((folder) => folder.replace(/\/+$/, ''));
  const ownerOf = (path: string): number => {
    const owners = [...parts.keys()].filter((at) => isWithin(path, parts[at] ?? ''));
    return owners.toSorted((a, b) => (parts[b] ?? '').length - (parts[a] ?? '').length)[0] ?? parts.length;
  };
  return [...parts, ''].map((part, layer) => (path, isFolder) => {
    const leadsThere = isFolder && part.startsWith(`${path}/`);
    return (!leadsThere && ownerOf(path) !== layer) || exclude(path, isFolder);
  });
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
