/**
 * esbuild names a module by its path from the entry's folder: in a comment, as the key of a CommonJS wrapper and among the
 * sources of the map. For a package that path tells how many folders up node_modules lies, which is a matter of the
 * machine; these rewrite it to begin at node_modules, so that it does not reach the digest. No line or column of code moves.
 */
const packagePath = /^\.\.\/.*?(?=node_modules\/)/;
const naming = /^(?<before>\/\/ | {2}")(?<path>\.\.\/[^"\n]*)(?<after>$|"\()/gm;

/** `inputs`: the paths of the modules, as esbuild's metafile has them. */
export function hidePackagePlaces(code: string, inputs: readonly string[]): string {
  const known = new Set(inputs);
  return code.replace(naming, (line: string, before: string, path: string, after: string) =>
    known.has(path) ? `${before}${path.replace(packagePath, '')}${after}` : line,
  );
}

export function hidePackagePlacesInMap(sourceMap: string): string {
  const map = JSON.parse(sourceMap) as { readonly sources: readonly string[] };
  return JSON.stringify({ ...map, sources: map.sources.map((path) => path.replace(packagePath, '')) });
}
