import { isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import type { Message, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { standardParts } from './standard-parts.ts';

/** What to use instead of a module of node, by its name without `node:` and without what follows a slash. */
const instead: Readonly<Record<string, string>> = {
  assert: 'Throw an Error yourself.',
  async_hooks: 'Hand the value on as a parameter.',
  buffer: 'Use Uint8Array, TextEncoder, atob and btoa, or install the package buffer.',
  child_process:
    'A function starts no process: send the work to another function by a queue or invoke binding.',
  cluster: 'Raise limits.concurrency in the manifest.',
  crypto: 'Use the global crypto: crypto.subtle, crypto.getRandomValues, crypto.randomUUID.',
  dns: 'Use fetch with a fetch binding.',
  events: 'Use EventTarget, or install the package events.',
  fs: 'There is no file system: keep values in a kv binding, import small files (.txt, .bin, .wasm).',
  http: 'Use fetch with a fetch binding; export a fetch handler to serve.',
  http2: 'Use fetch with a fetch binding; export a fetch handler to serve.',
  https: 'Use fetch with a fetch binding; export a fetch handler to serve.',
  net: 'Use fetch with a fetch binding, or publish to MQTT by a publish binding.',
  os: 'A function does not see the machine: give it what it needs by its bindings.',
  path: 'Work on the string, or install a package such as path-browserify.',
  perf_hooks: 'Use the global performance.',
  process: 'Values come by bindings: the second parameter of the handler, env.',
  querystring: 'Use URLSearchParams.',
  sqlite: 'Use a kv binding.',
  stream: 'Use ReadableStream, WritableStream and TransformStream.',
  string_decoder: 'Use TextDecoder.',
  timers: 'Use the global setTimeout and setInterval.',
  tls: 'Use fetch with a fetch binding.',
  url: 'Use the globals URL, URLSearchParams and URLPattern.',
  util: 'Use TextEncoder, TextDecoder and structuredClone.',
  worker_threads: 'Send the work to another function by a queue or invoke binding.',
  zlib: 'Use CompressionStream and DecompressionStream.',
};

const ours = Symbol('resolved by missing-modules');
const leftOut = 'left-out';
const thrown = 'not-there';
const standard = 'standard-part-of-node';
/** Packages that are a whole module of node, by its very name: `node:events` is there where `events` is. */
const wholePackages = new Set(['assert', 'events', 'path', 'punycode', 'querystring', 'string_decoder']);

/** Modules of a runtime rather than of npm: each is a problem that says what there is instead. */
export const missingModules: Plugin = {
  name: 'missing-modules',
  setup(build) {
    build.onResolve({ filter: /^(?:cloudflare|bun|deno):/ }, ({ path }) => refuse(path));
    build.onResolve({ filter: /^(?:node:.*|[a-z_0-9]+(?:\/[a-z_0-9/]+)?)$/ }, async (args) => {
      const { importer, resolveDir, kind, path } = args;
      if (args.pluginData === ours || !(path.startsWith('node:') || isBuiltin(path))) return undefined;
      // A package of that name, such as `events` or `buffer`, is as good as any.
      const bare = path.replace(/^node:/, '');
      const as = (name: string) => build.resolve(name, { importer, resolveDir, kind, pluginData: ours });
      // As written first: a map of `browser` in package.json may name it so.
      let found = await as(path);
      if (found.errors.length > 0 && bare !== path && wholePackages.has(bare)) found = await as(bare);
      if (found.errors.length > 0) return (await standardPart(build, args, bare)) ?? whenNeeded(args);
      // `"browser": { "crypto": false }` in package.json: the importer does without it, where it gets nothing.
      return isAbsolute(found.path) ? found : { path, namespace: leftOut };
    });
    build.onLoad({ filter: /^/, namespace: leftOut }, () => ({ contents: '', loader: 'js' }));
    build.onLoad({ filter: /^/, namespace: standard }, ({ path, pluginData }) => ({
      contents: [standardParts[path], ...(pluginData as StandardPart).more].join('\n'),
      resolveDir: folderOf(build),
      loader: 'js',
    }));
    build.onLoad({ filter: /^/, namespace: thrown }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(refusal(path))});`,
      loader: 'js',
    }));
  },
};

/** What a package adds. */
type StandardPart = { readonly more: readonly string[] };

/**
 * Of the function. There is one part of a name in a bundle, whoever imports it first: what a package adds is the package that the function has.
 */
function folderOf({ initialOptions }: PluginBuild): string {
  return initialOptions.absWorkingDir ?? '';
}

/**
 * Undefined when there is none. For imports by name only: esbuild tells of each that it does not find, and nobody tells of what is missing
 * in an object that `require` gives.
 */
async function standardPart(
  build: PluginBuild,
  { kind }: OnResolveArgs,
  name: string,
): Promise<OnResolveResult | undefined> {
  if (kind !== 'import-statement' || !Object.hasOwn(standardParts, name)) return undefined;
  const more: string[] = [];
  if (name === 'buffer') {
    const found = await build.resolve(name, { resolveDir: folderOf(build), kind, pluginData: ours });
    if (found.errors.length === 0) more.push("export { Buffer, kMaxLength } from 'buffer';");
  }
  return { path: name, namespace: standard, sideEffects: false, pluginData: { more } };
}

/**
 * A package may do without: one that imports at run time does so where it found what it needs, and gets a rejection here. A `require` within
 * `try` is known to esbuild alone; what it refuses, `asRefusal` explains.
 */
function whenNeeded({ path, kind, importer }: OnResolveArgs): OnResolveResult | undefined {
  if (kind === 'require-call') return undefined;
  const isPackage = /[\\/]node_modules[\\/]/.test(importer);
  return kind === 'dynamic-import' && isPackage ? { path, namespace: thrown } : refuse(path);
}

/**
 * What is said of a module of node, or of what is not in its standard part, that esbuild itself did not find, by the place in the source;
 * undefined for any other problem.
 */
export function asRefusal({ text, location, pluginName }: Message): string | undefined {
  if (!location || pluginName !== '') return undefined;
  const { lineText, column, length } = location;
  const found = Buffer.from(lineText)
    .subarray(column, column + length)
    .toString();
  // The namespace is ours; what esbuild says around it matters for a default import only.
  const module = standardModule.exec(text)?.[1];
  if (module !== undefined) {
    const specifier = lineText.includes(`node:${module}`) ? `node:${module}` : module;
    return refusal(specifier, text.endsWith('"default"') ? '' : `${found} of `);
  }
  const specifier = /^(['"`])(.+)\1$/.exec(found)?.[2];
  return specifier !== undefined && isBuiltin(specifier) ? refusal(specifier) : undefined;
}

/** Whether it is said of a member of a standard part that is none. Another namespace may have a member that is called as a module is. */
export function isMissingMember({ id, text }: Message): boolean {
  return id === undefinedMember && standardModule.test(text);
}

/** What esbuild calls a member of `import * as …` that is none. */
export const undefinedMember = 'import-is-undefined';
const standardModule = new RegExp(`"${standard}:([^"]+)"`);

function refuse(specifier: string): { errors: { text: string }[] } {
  return { errors: [{ text: refusal(specifier) }] };
}

function refusal(specifier: string, what = ''): string {
  const name = /^(?:node:)?([^/]+)/.exec(specifier)?.[1] ?? '';
  const advice = instead[name] ?? 'docs/web-apis.md lists what there is.';
  return `${what}${specifier} is not there inside a function. ${advice}`;
}
