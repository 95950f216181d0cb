import { isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import type { Plugin } from 'esbuild';

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
      if (found.errors.length > 0) return refuse(path);
      // `"browser": { "crypto": false }` in package.json: the importer does without it, where it gets nothing.
      return isAbsolute(found.path) ? found : { path, namespace: leftOut };
    });
    build.onLoad({ filter: /^/, namespace: leftOut }, () => ({ contents: '', loader: 'js' }));
  },
};

function refuse(specifier: string) {
  const name = /^(?:node:)?([^/]+)/.exec(specifier)?.[1] ?? '';
  const advice = instead[name] ?? 'docs/web-apis.md lists what there is.';
  return { errors: [{ text: `${specifier} is not there inside a function. ${advice}` }] };
}
