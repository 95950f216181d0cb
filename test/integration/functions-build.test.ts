import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildBundle, readBundle } from '../../functions/index.ts';

let folder: string;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-build-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The smallest module there is that exports something: `add(i32, i32)`. */
const addWasm = Buffer.from(
  '0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b',
  'hex',
);

async function source(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, name, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }
  return join(folder, name, 'index.ts');
}

describe('buildBundle', () => {
  test('the same source in two places gives the same digest, whatever tsconfig lies above', async () => {
    const files = {
      'index.ts': `import { twice } from './lib/twice.ts'; import { third } from 'third';
        export default { invoke: (n: number) => twice(n) + third };`,
      'lib/twice.ts':
        'export class Box { value = 2 }; export const twice = (n: number) => n * new Box().value;',
      'node_modules/third/package.json': '{"name":"third","version":"1.0.0","main":"index.js"}',
      'node_modules/third/index.js': 'module.exports = { third: 3 };',
    };
    const one = await buildBundle({ entry: await source('one', files), signal });
    const deep = 'a/b/c with space/two';
    await source('a', {
      'tsconfig.json': '{"compilerOptions":{"target":"es5","useDefineForClassFields":false}}',
    });
    await mkdir(join(folder, deep), { recursive: true });
    await cp(join(folder, 'one'), join(folder, deep), { recursive: true });
    const two = await buildBundle({ entry: join(folder, deep, 'index.ts'), signal });
    expect(two.digest).toBe(one.digest);
    const everything = Buffer.concat([one.manifest, ...one.blobs.map(({ bytes }) => bytes)]).toString();
    expect(everything).not.toContain(folder);
  });

  test('packages that lie beside the entry, or some folders above, give the same digest', async () => {
    const own = {
      'index.ts': `import third from 'third'; import { fourth } from 'fourth';
        export default { invoke: () => { if (third.third !== fourth) throw new Error(fourth); } };`,
    };
    const packages = {
      'node_modules/third/package.json': '{"name":"third","version":"1.0.0","main":"index.js"}',
      'node_modules/third/index.js': 'module.exports = { third: 3 };',
      'node_modules/fourth/package.json': '{"name":"fourth","version":"1.0.0","type":"module"}',
      'node_modules/fourth/index.js': 'export const fourth = "// ../node_modules/third/index.js";',
    };
    const build = async (place: string, entryFolder: string) => {
      await source(place, packages);
      return buildBundle({ entry: await source(join(place, entryFolder), own), signal });
    };
    const beside = await build('beside', '.');
    const above = await build('above', 'alpha');
    const farAbove = await build('far/above', 'functions/of node_modules/beta');
    expect([above.digest, farAbove.digest]).toEqual([beside.digest, beside.digest]);
    const [, code, map] = farAbove.blobs.map(({ bytes }) => Buffer.from(bytes).toString());
    expect(code).toContain('"// ../node_modules/third/index.js"');
    expect((JSON.parse(map!) as { sources: string[] }).sources).toEqual([
      'node_modules/third/index.js',
      'index.ts',
      'node_modules/fourth/index.js',
    ]);
  });

  describe('JSX', () => {
    const runtimes = {
      'node_modules/react/jsx-runtime.js': "exports.jsx = (type) => 'react ' + type;",
      'node_modules/hono/jsx/jsx-runtime.js': "exports.jsx = (type) => 'hono ' + type;",
    };
    const built = async (name: string, files: Record<string, string>) => {
      await source(name, { ...runtimes, 'package.json': '{}', ...files });
      const { blobs } = await buildBundle({ entry: join(folder, name, 'src/index.tsx'), signal });
      const code = Buffer.from(blobs[1]!.bytes).toString();
      const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
        default: { invoke: () => unknown };
      };
      return module.default.invoke();
    };
    const page = 'export default { invoke: () => <p /> };';

    test.each([
      ['as React has it when nothing is said', { 'src/index.tsx': page }, 'react p'],
      [
        'as a file says by its import source',
        { 'src/index.tsx': `/** @jsxImportSource hono/jsx */\n${page}` },
        'hono p',
      ],
      [
        'as a file says by its factory',
        { 'src/index.tsx': `/** @jsx h */\nconst h = (type: string) => 'own ' + type; ${page}` },
        'own p',
      ],
      [
        'as the tsconfig.json of the package says, with comments',
        {
          'src/index.tsx': page,
          'tsconfig.json':
            '// as hono is set up\n{ "compilerOptions": { "jsx": "react-jsx", /* */ "jsxImportSource": "hono/jsx", }, }',
        },
        'hono p',
      ],
      [
        'as the file says that it extends, by factory',
        {
          'src/index.tsx': `const h = (type: string) => 'own ' + type; ${page}`,
          'tsconfig.json': '{ "extends": ["../gone.json", "./base"] }',
          'base.json': '{ "compilerOptions": { "jsx": "react", "jsxFactory": "h" } }',
        },
        'own p',
      ],
    ])('is compiled %s', async (name, files, expected) => {
      expect(await built(name.replaceAll(' ', '-'), files)).toBe(expected);
    });

    test('and imports are found by the paths of the tsconfig.json', async () => {
      const files = {
        'src/index.tsx': "import { it } from '@/it.ts'; export default { invoke: () => it };",
        'lib/it.ts': "export const it = 'found';",
        'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }',
      };
      expect(await built('paths', files)).toBe('found');
      const byBase = { baseUrl: 'lib', paths: { '@/*': ['./*'] } };
      const tsconfig = JSON.stringify({ compilerOptions: byBase });
      expect(await built('base', { ...files, 'tsconfig.json': tsconfig })).toBe('found');
    });

    test.each([
      ['the file that it extends', { paths: { '@/*': ['./*'] } }, { baseUrl: '../lib' }],
      ['the file that extends it', { baseUrl: './lib' }, { paths: { '@/*': ['./*'] } }],
      ['nobody', {}, { paths: { '@/*': ['../lib/*'] } }],
    ])('and by paths beside a baseUrl of %s, as tsc finds them', async (name, compilerOptions, base) => {
      const files = {
        'src/index.tsx': "import { it } from '@/it.ts'; export default { invoke: () => it };",
        'lib/it.ts': "export const it = 'found';",
        'tsconfig.json': JSON.stringify({ extends: './settings/base.json', compilerOptions }),
        'settings/base.json': JSON.stringify({ compilerOptions: base }),
      };
      expect(await built(name.replaceAll(' ', '-'), files)).toBe('found');
    });

    test('a tsconfig.json that extends itself is named', async () => {
      const itself = JSON.stringify({ extends: Array(10).fill('./tsconfig') });
      await expect(built('itself', { 'src/index.tsx': page, 'tsconfig.json': itself })).rejects.toMatchObject(
        {
          code: 'buildFailed',
          message: expect.stringMatching(
            /itself.tsconfig\.json: what it extends is more than 31 files/,
          ) as never,
        },
      );
    });

    test('of what is not installed tells what to do', async () => {
      const entry = await source('bare', { 'index.ts': "import './page.tsx';", 'page.tsx': page });
      await expect(buildBundle({ entry, signal })).rejects.toMatchObject({
        message: expect.stringMatching(
          /page\.tsx:1:\d+: JSX needs react\/jsx-runtime, .*@jsxImportSource/,
        ) as never,
      });
    });

    test('a tsconfig.json that is none is named', async () => {
      const files = { 'src/index.tsx': page, 'tsconfig.json': '{ "compilerOptions": { "jsx": } }' };
      await expect(built('broken', files)).rejects.toMatchObject({
        code: 'buildFailed',
        message: expect.stringMatching(/^Cannot build with .*tsconfig\.json: /) as never,
      });
    });
  });

  test('what it builds is what readBundle accepts', async () => {
    const entry = await source('lambda', {
      'index.ts': 'export const handler = async (event: unknown) => event;',
    });
    const built = await buildBundle({ entry, signal });
    const bundle = await readBundle({
      ...built,
      readBlob: (digest) => Promise.resolve(built.blobs.find((blob) => blob.digest === digest)!.bytes),
    });
    expect(bundle.config).toEqual({ version: 1, shape: 'lambda', exports: ['handler'] });
    expect(JSON.parse(bundle.sourceMap!)).toMatchObject({ sources: ['index.ts'] });
  });

  test('files travel as layers of their own, and only those that the code needs', async () => {
    const files = {
      'index.ts': `import add from './lib/add.wasm'; import again from './lib/add.wasm?module'; import { unused } from './lib/unused.ts';
        import data from './data.bin'; import page from './page.html'; import { defineFunction } from 'holdfast/sdk';
        export default defineFunction({ invoke: () => [add, again, data, page] });`,
      'lib/add.wasm': addWasm,
      'lib/unused.ts': "import other from '../other.bin'; export const unused = () => other;",
      'other.bin': 'other',
      'data.bin': 'data',
      'page.html': '<p>page',
    };
    const entry = await source('files', files);
    const built = await buildBundle({ entry, signal });
    const bundle = await readBundle({
      ...built,
      readBlob: (digest) => Promise.resolve(built.blobs.find((blob) => blob.digest === digest)!.bytes),
    });
    expect(bundle.files!.map(({ name, type, bytes }) => [name, type, Buffer.from(bytes)])).toEqual([
      [expect.stringMatching(/^\.\/[0-9a-f]{16}-data\.bin$/), 'data', Buffer.from('data')],
      [expect.stringMatching(/^\.\/[0-9a-f]{16}-add\.wasm$/), 'wasm', addWasm],
    ]);
    expect(bundle.code).toContain(`from "${bundle.files![1]!.name}"`);
    expect(bundle.code).toContain('<p>page');
    expect(built.blobs.map(({ mediaType }) => mediaType)).toContain('application/wasm');
    await source('elsewhere/files', files);
    const elsewhere = await buildBundle({ entry: join(folder, 'elsewhere/files/index.ts'), signal });
    expect(elsewhere.digest).toBe(built.digest);
  });

  test('a package of npm may have the name of a module of node', async () => {
    const entry = await source('events', {
      'index.ts': "import { named } from 'events'; export default { invoke: () => named };",
      'node_modules/events/package.json': '{"name":"events","version":"1.0.0","main":"index.js"}',
      'node_modules/events/index.js': 'exports.named = "by npm";',
    });
    const { blobs } = await buildBundle({ entry, signal });
    expect(Buffer.from(blobs[1]!.bytes).toString()).toContain('by npm');
  });

  test('a package gives what it has for browsers when it has nothing for Workers', async () => {
    const built = async (name: string, packageJson: object) => {
      const entry = await source(name, {
        'index.ts': `import { where } from 'third'; export default { invoke: () => where };`,
        'node_modules/third/package.json': JSON.stringify({
          name: 'third',
          version: '1.0.0',
          ...packageJson,
        }),
        'node_modules/third/node.js': `require('node:crypto'); exports.where = 'entry for node';`,
        'node_modules/third/browser.js': `exports.where = 'entry for browsers';`,
        'node_modules/third/workers.js': `exports.where = 'entry for workers';`,
      });
      const { blobs } = await buildBundle({ entry, signal });
      return /entry for \w+/.exec(Buffer.from(blobs[1]?.bytes ?? []).toString())?.[0];
    };
    const browser = './browser.js';
    expect(await built('by-export', { exports: { browser, default: './node.js' } })).toBe(
      'entry for browsers',
    );
    expect(await built('by-field', { main: 'node.js', browser })).toBe('entry for browsers');
    expect(await built('by-file', { main: 'node.js', browser: { './node.js': browser } })).toBe(
      'entry for browsers',
    );
    const exports = { workerd: './workers.js', browser, default: './node.js' };
    expect(await built('by-worker', { exports })).toBe('entry for workers');
  });

  test('a module of node that a package can do without for browsers is left out', async () => {
    const entry = await source('without', {
      'index.ts': `import { has } from 'third'; export default { invoke: () => has };`,
      'node_modules/third/package.json':
        '{"name":"third","version":"1.0.0","main":"index.js","browser":{"crypto":false,"node:fs":false}}',
      'node_modules/third/index.js': `
        exports.has = [require('crypto'), require('node:fs')].map((module) => Object.keys(module).length);`,
    });
    const { config } = await buildBundle({ entry, signal });
    expect(config.exports).toEqual(['default']);
  });

  test('a module of node that a package tries for is not there for it, and one that it needs is refused', async () => {
    const build = async (name: string, code: string) => {
      const entry = await source(name, {
        'index.ts': `import { has } from 'third'; export default { invoke: () => has };`,
        'node_modules/third/package.json': '{"name":"third","version":"1.0.0","main":"index.js"}',
        'node_modules/third/index.js': code,
      });
      const { blobs } = await buildBundle({ entry, signal });
      const built = Buffer.from(blobs[1]!.bytes).toString();
      return (
        (await import(`data:text/javascript,${encodeURIComponent(built)}`)) as {
          default: { invoke: () => unknown };
        }
      ).default.invoke();
    };
    const tries = "let fs = 'none'; try { fs = require('fs'); } catch {} exports.has = fs;";
    expect(await build('tries', tries)).toBe('none');
    const later = "exports.has = import('node:async_hooks').then(() => 'some', ({ message }) => message);";
    expect(await build('later', later)).toMatch(/^node:async_hooks is not there .* parameter\.$/);
    const needs = "/* é */ exports.has = () => require('fs');";
    await expect(build('needs', needs)).rejects.toMatchObject({
      message: expect.stringMatching(/third\/index\.js:1:37: fs is not there .* kv binding/) as never,
    });
  });

  test('another byte of source is another digest', async () => {
    const build = async (text: string) =>
      (await buildBundle({ entry: await source('changed', { 'index.ts': text }), signal })).digest;
    expect(await build('export default { invoke: () => 1 }')).not.toBe(
      await build('export default { invoke: () => 2 }'),
    );
  });

  test.each([
    ['a syntax error', 'export default {\n  invoke( { }\n', /index\.ts:\d+:\d+: /],
    ['an import that is not there', "\nimport './gone.ts'; export default {};", /index\.ts:2:8: .*gone/],
    [
      'a module of node',
      "import fs from 'node:fs'; export default { invoke: () => fs };",
      /index\.ts:1:16: node:fs is not there .* kv binding/,
    ],
    [
      'a module of node by its short name',
      "import { Buffer } from 'buffer'; export default { invoke: () => Buffer };",
      /index\.ts:1:10: Buffer of buffer is not there .* Uint8Array.* package buffer/,
    ],
    [
      'a module of node imported at run time',
      "export default { invoke: () => import('node:fs') };",
      /index\.ts:1:39: node:fs is not there .* kv binding/,
    ],
    [
      'a module of another platform',
      "import { DurableObject } from 'cloudflare:workers'; export default { invoke: () => DurableObject };",
      /index\.ts:1:31: cloudflare:workers is not there .* docs\/web-apis\.md/,
    ],
    [
      'what tests import',
      "import { createTestEnvironment as f } from 'holdfast/testing'; export default { invoke: f };",
      /index\.ts:1:44: holdfast\/testing cannot be part of a function/,
    ],
    [
      'a .wasm file that is none',
      "import add from './bad.wasm'; export default { invoke: () => add };",
      /index\.ts:1:17: \.\/bad\.wasm is no valid WebAssembly: .*expected magic word/,
    ],
    [
      'a .wasm file that is not there',
      "import add from './gone.wasm'; export default { invoke: () => add };",
      /index\.ts:1:17: .*gone\.wasm/,
    ],
    [
      'a .wasm file imported at run time',
      "export default { invoke: () => import('./add.wasm') };",
      /index\.ts:1:39: \.\/add\.wasm can be had by a static import only/,
    ],
  ])('%s is told with file, line and column', async (_what, text, message) => {
    const entry = await source('bad', { 'index.ts': text, 'bad.wasm': 'no wasm', 'add.wasm': addWasm });
    const error = await buildBundle({ entry, signal }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'buildFailed' });
    expect((error as Error).message).toMatch(message);
  });

  test('a file without a handler export, and a file that is not there, are refused', async () => {
    const entry = await source('none', { 'index.ts': 'export const other = 1;' });
    await expect(buildBundle({ entry, signal })).rejects.toMatchObject({ code: 'noHandler' });
    const gone = join(folder, 'gone.ts');
    await expect(buildBundle({ entry: gone, signal })).rejects.toMatchObject({ code: 'buildFailed' });
  });

  test('a service worker that listens for events is told to export its handler', async () => {
    const text = `addEventListener('fetch', (event) => event.respondWith(new Response('x')));`;
    const entry = await source('listener', { 'index.ts': text });
    await expect(buildBundle({ entry, signal })).rejects.toMatchObject({
      code: 'noHandler',
      message: `${entry} listens for fetch events, as scripts of service workers do`,
      hint: 'Export the handler instead: `export default { fetch(…, env, ctx) { … } }`.',
    });
  });

  test('an abort stops it and nothing is left on disk', async () => {
    const entry = await source('aborted', { 'index.ts': 'export default { invoke: () => 1 };' });
    const reason = new Error('enough');
    await expect(buildBundle({ entry, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await readdir(join(folder, 'aborted'))).toEqual(['index.ts']);
  });
});
