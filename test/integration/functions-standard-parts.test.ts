import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildBundle } from '../../functions/index.ts';
import { createTestEnvironment } from '../../functions/sdk/testing/index.ts';

let folder: string;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-standard-parts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Packages that stand for whole modules of node. */
const packages = {
  'node_modules/buffer/package.json': '{"name":"buffer","version":"6.0.0","main":"index.js"}',
  'node_modules/buffer/index.js': "exports.Buffer = { from: () => 'by npm' }; exports.kMaxLength = 5;",
  'node_modules/events/package.json': '{"name":"events","version":"1.0.0","main":"index.js"}',
  'node_modules/events/index.js': 'exports.EventEmitter = class { by = "npm" };',
};

async function source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, name, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }
  return join(folder, name, 'index.ts');
}

/** What the function gives whose file begins with `imports`. */
async function given(name: string, imports: string, expression: string, more = {}): Promise<unknown> {
  const text = `${imports}; export default { invoke: async () => (${expression}) };`;
  await using device = await createTestEnvironment({
    entry: await source(name, { 'index.ts': text, ...more }),
    bindings: { KEY: { secret: 'key' } },
    secrets: { key: 'value' },
  });
  return await device.invoke(null);
}

test('modules of node give what is there as a web API', async () => {
  const imports = `import { Blob } from 'node:buffer'; import { webcrypto, randomUUID } from 'crypto';
    import { ReadableStream } from 'node:stream/web'; import { clearTimeout, setTimeout } from 'node:timers';
    import { TextDecoder } from 'util'; import { URL } from 'node:url'; import { performance } from 'perf_hooks';
    import process, { env } from 'node:process'; import { Console } from 'node:console';`;
  const same = `[Blob === globalThis.Blob, webcrypto === crypto, ReadableStream === globalThis.ReadableStream,
    setTimeout === globalThis.setTimeout, clearTimeout === globalThis.clearTimeout, TextDecoder === globalThis.TextDecoder,
    URL === globalThis.URL, performance === globalThis.performance, env === process.env, env.KEY === 'value',
    randomUUID().length === 36, typeof new Console({ stdout: process.stdout }).log === 'function']`;
  expect(await given('same', imports, same)).toEqual(Array(12).fill(true));
});

test('random whole numbers lie in their range, and all of it', async () => {
  const numbers = `{ low: [...new Set(Array.from({ length: 500 }, () => randomInt(-2, 2)))].sort((a, b) => a - b),
    one: randomInt(1), wide: Number.isSafeInteger(randomInt(2 ** 47)),
    refused: [[0], [3, 3], [2 ** 49], [0.5], []].map((range) => { try { return randomInt(...range); } catch (error) { return error.name; } }) }`;
  expect(await given('random', "import { randomInt } from 'node:crypto'", numbers)).toEqual({
    low: [-2, -1, 0, 1],
    one: 0,
    wide: true,
    refused: ['RangeError', 'RangeError', 'RangeError', 'TypeError', 'TypeError'],
  });
});

test('a wait gives its value, and ends when it is aborted before or meanwhile', async () => {
  const waits = `[await wait(1, 'value'), await wait(1e6, 0, { signal: AbortSignal.abort() }).catch(({ name, code }) => [name, code]),
    await wait(1e6, 0, { signal: AbortSignal.timeout(1) }).catch(({ cause }) => cause.name)]`;
  expect(await given('wait', "import { setTimeout as wait } from 'node:timers/promises'", waits)).toEqual([
    'value',
    ['AbortError', 'ABORT_ERR'],
    'TimeoutError',
  ]);
});

test('reason phrases are those of node', async () => {
  const codes = await given('codes', "import { STATUS_CODES } from 'node:http'", 'STATUS_CODES');
  expect(codes).toEqual(STATUS_CODES);
});

test('an installed package gives a whole module of node, by either name', async () => {
  const imports = `import { EventEmitter } from 'node:events'; import { Buffer, atob } from 'node:buffer';
    import { Buffer as bare } from 'buffer'`;
  const all = '[new EventEmitter().by, Buffer.from(), atob("aGk="), bare === Buffer]';
  expect(await given('installed', imports, all, packages)).toEqual(['npm', 'by npm', 'hi', true]);
});

test('Buffer is that of the function for all who import it from node, and the digest the same each time', async () => {
  const user = "import { Buffer } from 'node:buffer'; export default () => Buffer.from();";
  const nested = (name: string) => ({
    [`node_modules/${name}/package.json`]: `{"name":"${name}","type":"module","main":"index.js"}`,
    [`node_modules/${name}/index.js`]: user,
    [`node_modules/${name}/node_modules/buffer/package.json`]:
      '{"name":"buffer","version":"5.0.0","main":"index.js"}',
    [`node_modules/${name}/node_modules/buffer/index.js`]: `exports.Buffer = { from: () => 'of ${name}' }; exports.kMaxLength = 5;`,
  });
  const imports = "import a from 'a'; import b from 'b'; import { Blob } from 'node:buffer'";
  const files = { ...packages, ...nested('a'), ...nested('b') };
  expect(await given('nested', imports, '[a(), b(), typeof Blob]', files)).toEqual([
    'by npm',
    'by npm',
    'function',
  ]);
  const entry = join(folder, 'nested', 'index.ts');
  const digests = new Set<string>();
  for (let time = 0; time < 8; time++) digests.add((await buildBundle({ entry, signal })).digest);
  expect(digests.size).toBe(1);
});

test('a package may leave modules of node out by their whole names', async () => {
  const third = {
    'node_modules/third/package.json': JSON.stringify({
      ...{ name: 'third', type: 'module', main: 'index.js' },
      browser: { 'node:path': false, 'node:events': './shim.js' },
    }),
    'node_modules/third/index.js':
      "import path from 'node:path'; import { by } from 'node:events'; export default [by, typeof path.join];",
    'node_modules/third/shim.js': "export const by = 'shim';",
  };
  const all = await given('left-out', "import third from 'third'", 'third', { ...packages, ...third });
  expect(all).toEqual(['shim', 'undefined']);
});

test('a member of another namespace may have the name of a module', async () => {
  const more = { 'mod.ts': 'export const one = 1;' };
  expect(
    await given('member', "import * as ns from './mod.ts'", "'path' in ns ? ns['path'] : ns.one", more),
  ).toBe(1);
});

test('what nothing uses is no part of the bundle', async () => {
  const entry = await source('unused', {
    'index.ts': `import { STATUS_CODES, METHODS } from './http.ts'; import { ReadableStream } from 'node:stream/web';
      export default { invoke: () => 1 };`,
    'http.ts': "export { STATUS_CODES } from 'node:http'; export const METHODS = 1;",
  });
  const { blobs } = await buildBundle({ entry, signal });
  expect(Buffer.from(blobs[1]!.bytes).toString()).not.toMatch(/Teapot|ReadableStream/);
});

test.each([
  [
    'by its name',
    "import { randomUUID, createHash as h } from 'node:crypto'; export default { invoke: () => [h, randomUUID] };",
    /index\.ts:1:22: createHash of node:crypto is not there .* crypto\.subtle/,
  ],
  [
    'by its name, on a line of its own',
    "import {\n  randomUUID,\n  createHash,\n} from 'node:crypto';\nexport default { invoke: () => [createHash, randomUUID] };",
    /index\.ts:3:3: createHash of crypto is not there .* crypto\.subtle/,
  ],
  [
    'by the whole module',
    "import crypto from 'crypto'; export default { invoke: () => crypto };",
    /index\.ts:1:8: crypto is not there .* crypto\.subtle/,
  ],
  [
    'by a namespace',
    "import * as util from 'node:util'; export default { invoke: () => [util.TextEncoder, util.promisify] };",
    /index\.ts:1:91: promisify of node:util is not there .* TextEncoder/,
  ],
  [
    'by a namespace in a package',
    "import third from 'third'; export default { invoke: third };",
    /third\/index\.js:1:50: fileURLToPath of url is not there .* URL/,
  ],
])('what is not there is refused where it is asked for %s', async (_how, text, message) => {
  const entry = await source('refused', {
    'index.ts': text,
    'node_modules/third/package.json': '{"name":"third","type":"module","main":"index.js"}',
    'node_modules/third/index.js': "import * as u from 'url'; export default () => u.fileURLToPath('x');",
  });
  await expect(buildBundle({ entry, signal })).rejects.toMatchObject({
    code: 'buildFailed',
    message: expect.stringMatching(message) as never,
  });
});

test('what esbuild says of other things beside such an import is no refusal', async () => {
  const line =
    "import { randomUUID } from 'node:crypto'; export default { invoke: (x) => (x === -0 ? randomUUID() : typeof x === 'foo') };";
  const entry = await source('beside', { 'index.ts': line });
  expect((await buildBundle({ entry, signal })).blobs).toHaveLength(3);
  await writeFile(entry, `import './nowhere.js'; ${line}`);
  await expect(buildBundle({ entry, signal })).rejects.toMatchObject({
    message: expect.stringMatching(/index\.ts:1:8: Could not resolve/) as never,
  });
});
