import { isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import type { Message, OnResolveArgs, OnResolveResult, Plugin } from 'esbuild';

/** What to use instead of a module of node, by its name without `node:` and without what follows a slash. */
const instead: Readonly<Record<string, string>> = {
  assert: 'Throw an Error yourself.',
  async_hooks: 'Hand the value on as a parameter.',
  buffer: 'Use Uint8Array, TextEncoder, atob and btoa.',
  child_process:
    'A function starts no process: send the work to another function by a queue or invoke binding.',
  cluster: 'Raise limits.concurrency in the manifest.',
  crypto: 'Use the global crypto: crypto.subtle, crypto.getRandomValues, crypto.randomUUID.',
  dns: 'Use fetch with a fetch binding.',
  events: 'Use EventTarget.',
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

/** Modules of a runtime rather than of npm: each is a problem that says what there is instead. */
export const missingModules: Plugin = {
  name: 'missing-modules',
  setup(build) {
    build.onResolve({ filter: /^(?:cloudflare|bun|deno):/ }, ({ path }) => refuse(path));
    build.onResolve({ filter: /^(?:node:.*|[a-z_0-9]+(?:\/[a-z_0-9/]+)?)$/ }, async (args) => {
      const { importer, resolveDir, kind, path } = args;
      if (args.pluginData === ours || !(path.startsWith('node:') || isBuiltin(path))) return undefined;
      // A package of that name, such as `events` or `buffer`, is as good as any.
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: ours });
      if (found.errors.length > 0) return whenNeeded(args);
      // `"browser": { "crypto": false }` in package.json: the importer does without it, where it gets nothing.
      return isAbsolute(found.path) ? found : { path, namespace: leftOut };
    });
    build.onLoad({ filter: /^/, namespace: leftOut }, () => ({ contents: '', loader: 'js' }));
    build.onLoad({ filter: /^/, namespace: thrown }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(refusal(path))});`,
      loader: 'js',
    }));
  },
};

/**
 * A package may do without: one that imports at run time does so where it found what it needs, and gets a rejection here. A `require` within
 * `try` is known to esbuild alone; what it refuses, `asRefusal` explains.
 */
function whenNeeded({ path, kind, importer }: OnResolveArgs): OnResolveResult | undefined {
  if (kind === 'require-call') return undefined;
  const isPackage = /[\\/]node_modules[\\/]/.test(importer);
  return kind === 'dynamic-import' && isPackage ? { path, namespace: thrown } : refuse(path);
}

/** What is said of a module of node that esbuild itself did not find, by the place in the source; undefined for any other problem. */
export function asRefusal({ location, pluginName }: Message): string | undefined {
  if (!location || pluginName !== '') return undefined;
  const { lineText, column, length } = location;
  const quoted = Buffer.from(lineText)
    .subarray(column, column + length)
    .toString();
  const specifier = /^(['"`])(.+)\1$/.exec(quoted)?.[2];
  return specifier !== undefined && isBuiltin(specifier) ? refusal(specifier) : undefined;
}

function refuse(specifier: string): { errors: { text: string }[] } {
  return { errors: [{ text: refusal(specifier) }] };
}

function refusal(specifier: string): string {
  const name = /^(?:node:)?([^/]+)/.exec(specifier)?.[1] ?? '';
  const advice = instead[name] ?? 'docs/web-apis.md lists what there is.';
  return `${specifier} is not there inside a function. ${advice}`;
}
