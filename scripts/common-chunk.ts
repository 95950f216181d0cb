import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type BuildOptions, type Loader, type Metafile, type Plugin } from 'esbuild';

/** Of a module, bundled. Larger ones are for those commands that need them. */
const maxBytes = 10_000;
/** What node has loaded in any case, or within a millisecond. */
const quickBuiltins = new Set(
  [
    ['async_hooks', 'buffer', 'events', 'fs', 'fs/promises', 'module', 'os', 'path', 'perf_hooks', 'process'],
    ['string_decoder', 'timers', 'timers/promises', 'url', 'util'],
  ].flatMap((names) => names.map((name) => `node:${name}`)),
);
const common = 'holdfast:common';

/**
 * Has the small modules that stand on their own in one chunk, which every command loads. esbuild makes a chunk for each set of commands
 * that share some modules: a command then loads ninety files, most of them of some hundred bytes, and to find and to link each takes
 * longer than to run it. `options` are those of the build, whose plugins it does without.
 */
export async function commonChunk(options: BuildOptions): Promise<Plugin> {
  const { metafile } = await build({ ...options, plugins: [], metafile: true, write: false });
  const root = options.absWorkingDir ?? process.cwd();
  const inRoot = (path: string) => join(root, path);
  const modules = standAlone(metafile).map(inRoot);
  const commands = new Set(lazyEntries(metafile, entriesOf(options)).map(inRoot));
  return {
    name: 'common-chunk',
    setup: (bundler) => {
      bundler.onResolve({ filter: /^holdfast:common$/ }, () => ({ path: common, namespace: common }));
      bundler.onLoad({ filter: /.*/, namespace: common }, () => ({
        contents: modules.map((path) => `import ${JSON.stringify(path)};`).join('\n'),
        resolveDir: root,
      }));
      bundler.onLoad({ filter: /\.[jt]s$/ }, async ({ path }) => {
        if (!commands.has(path)) return undefined;
        const loader: Loader = path.endsWith('.ts') ? 'ts' : 'js';
        // Behind the rest, where it moves no line of a source map; imports come first wherever they are.
        return { contents: `${await readFile(path, 'utf8')}\nimport '${common}';\n`, loader };
      });
    },
  };
}

/**
 * Modules that several entries share, which are small and import nothing but each other and what node loads quickly. By what is written in
 * them, not by what of it is used: so esbuild tells which chunk a module belongs to.
 */
function standAlone({ inputs, outputs }: Metafile): string[] {
  const shared = new Map(
    Object.values(outputs).flatMap((output) =>
      output.entryPoint === undefined ? Object.entries(output.inputs) : [],
    ),
  );
  const known = new Map<string, boolean>();
  const isCommon = (path: string): boolean => {
    const before = known.get(path);
    if (before !== undefined) return before;
    // Until it is known: of modules that import each other none is.
    known.set(path, false);
    const bytes = shared.get(path)?.bytesInOutput ?? Infinity;
    const is =
      bytes <= maxBytes && !isOfPackage(path) && importsOf(inputs, path).every((other) => isCommon(other));
    known.set(path, is);
    return is;
  };
  return [...shared.keys()].filter(isCommon);
}

/** Without those that cost nothing. */
function importsOf(inputs: Metafile['inputs'], path: string): string[] {
  const imports = inputs[path]?.imports ?? [];
  return imports.flatMap((one) =>
    one.kind === 'dynamic-import' || quickBuiltins.has(one.path) ? [] : [one.path],
  );
}

/** What is loaded by import() and is our own. */
function lazyEntries({ outputs }: Metafile, entries: ReadonlySet<string>): string[] {
  return Object.values(outputs).flatMap(({ entryPoint }) =>
    entryPoint === undefined || entries.has(entryPoint) || isOfPackage(entryPoint) ? [] : [entryPoint],
  );
}

function isOfPackage(path: string): boolean {
  return path.includes('node_modules/');
}

function entriesOf({ entryPoints = {} }: BuildOptions): ReadonlySet<string> {
  return new Set(Object.values(entryPoints as Record<string, string>));
}
