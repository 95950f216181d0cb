import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { directBuiltins } from './direct-builtins.ts';

const root = join(import.meta.dirname, '..');

/** zod's index holds on to its messages in every language; ours are in English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: (bundler) => {
    bundler.onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

/** What MQTT's libraries note for their authors, at every packet; the program has a log of its own, without payloads. */
const withoutDebug: Plugin = {
  name: 'without-debug',
  setup: (bundler) => {
    bundler.onLoad({ filter: /[/\\]debug[/\\]src[/\\]index\.js$/ }, () => ({
      contents: 'const silent = () => undefined; module.exports = () => silent;',
    }));
  },
};

/** How everything that users run is bundled. Packages with native code or data files of their own stay outside. */
export const buildOptions: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // Source text stays in memory. Names stay as they are: stacks and error names show them.
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  external: ['isolated-vm', 'esbuild', 'sodium-native'],
  plugins: [englishOnly, withoutDebug, directBuiltins],
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
  // Loaded by import(): from the CommonJS build esbuild would make a default export only.
  alias: { '@peculiar/x509': join(root, 'node_modules/@peculiar/x509/build/x509.es.js') },
};

/**
 * Threads are CommonJS, each one file: node has no loader of modules to start for that, which takes as long as a thread's own start and is
 * not kept between threads.
 */
export const threadOptions: BuildOptions = {
  ...buildOptions,
  plugins: [englishOnly, withoutDebug],
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': 'holdfastUrl' },
  banner: { js: "'use strict'; const holdfastUrl = require('node:url').pathToFileURL(__filename).href;" },
};
