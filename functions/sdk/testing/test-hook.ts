import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Preloaded into the tests of authors (`node --import`): `holdfast/sdk` and `holdfast/testing` are those of this program, with nothing
 * installed, and a function's own imports of .wasm, .bin and text files mean what they mean in a bundle.
 */
const own: Readonly<Record<string, readonly [built: string, source: string]>> = {
  'holdfast/sdk': ['sdk.mjs', '../index.ts'],
  'holdfast/testing': ['testing.mjs', 'index.ts'],
};

const exported: readonly (readonly [pattern: RegExp, code: (path: string) => string])[] = [
  [
    /\.wasm$/,
    (path) =>
      `import { readFileSync } from 'node:fs'; export default new WebAssembly.Module(readFileSync(${path}));`,
  ],
  [
    /\.bin$/,
    (path) =>
      `import { readFileSync } from 'node:fs'; export default new Uint8Array(readFileSync(${path})).buffer;`,
  ],
  [
    /\.(?:txt|html|sql)$/,
    (path) => `import { readFileSync } from 'node:fs'; export default readFileSync(${path}, 'utf8');`,
  ],
];

registerHooks({
  resolve(specifier, context, next) {
    const names = Object.hasOwn(own, specifier) ? own[specifier] : undefined;
    if (!names) return next(specifier.replace(/\.wasm\?module$/, '.wasm'), context);
    const [built, source] = names.map((name) => new URL(name, import.meta.url));
    const url = built && existsSync(built) ? built : source;
    return next(url?.href ?? specifier, context);
  },
  load(url, context, next) {
    const code = exported.find(([pattern]) => pattern.test(url))?.[1];
    if (!code || !url.startsWith('file:')) return next(url, context);
    return { format: 'module', source: code(JSON.stringify(fileURLToPath(url))), shortCircuit: true };
  },
});
