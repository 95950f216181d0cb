import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestEnvironment, type TestEnvironment } from '../../functions/sdk/testing/index.ts';
import { temporaryFolder } from '../support/cli.ts';

const source = `import { deep } from './lib/deep.ts';

type Payload = { readonly how: string };

export default {
  async invoke({ how }: Payload) {
    if (how === 'throw') throw new TypeError('thrown');
    if (how === 'deep') return deep();
    if (how === 'reject') return Promise.reject(new Error('rejected'));
    if (how === 'later') return new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 1));
    console.error(new Error('printed'));
    console.error('not a stack: function.js:1:1');
    if (how === 'cause') throw new Error('outer', { cause: new RangeError('inner', { cause: { code: 7 } }) });
    if (how === 'text') throw 'only text';
    if (how === 'any') throw new AggregateError([new Error('one'), 'two'], 'none did it');
    if (how === 'cycle') {
      const error = new Error('of itself');
      error.cause = error;
      throw error;
    }
  },
};
`;
const deep = `interface Unused { a: number }

export function deep(): never {
  throw new RangeError('from below');
}
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let device: TestEnvironment;

async function write(files: Record<string, string>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder.path, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }
  return join(folder.path, Object.keys(files)[0]!);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  device = await createTestEnvironment({ entry: await write({ 'index.ts': source, 'lib/deep.ts': deep }) });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test.each([
  [
    'what caused it',
    'cause',
    [
      /^Error: outer\n/,
      /^\[cause\]: RangeError: inner\n {4}at .*index\.ts:13:/m,
      /^\[cause\]: \{"code":7\}$/m,
    ],
  ],
  [
    'what it holds',
    'any',
    [
      /^AggregateError: none did it\n/,
      /^\[error\]: Error: one\n {4}at .*index\.ts:15:/m,
      /^\[error\]: two$/m,
    ],
  ],
  ['itself a bounded number of times when it is its own cause', 'cycle', [/^Error: of itself\n/]],
])('the stack of an error shows %s', async (_what, how, parts) => {
  await device.invoke({ how }).catch(() => undefined);
  for (const part of parts) expect(device.logs.at(-1)?.message).toMatch(part);
  expect(device.logs.at(-1)?.message.split('[cause]').length).toBeLessThan(12);
});

test('what is thrown and is no error is in the log all the same, and nobody is told that the log says where', async () => {
  const error = await device.invoke({ how: 'text' }).catch((caught: unknown) => caught);
  expect(device.logs.at(-1)).toMatchObject({ level: 'error', message: 'Error: only text' });
  expect(error).toMatchObject({ code: 'threw', hint: undefined });
  const other = await device.invoke({ how: 'throw' }).catch((caught: unknown) => caught);
  expect(other).toMatchObject({ hint: expect.stringContaining('holdfast logs') });
});

describe('the stack of an error names the file and the line that the author wrote', () => {
  test.each([
    ['throw', /^TypeError: thrown\n {4}at .*\(?index\.ts:7:32\)?$/],
    ['deep', /^RangeError: from below\n {4}at deep \(lib\/deep\.ts:4:9\)\n {4}at .*\(?index\.ts:8:32\)?/],
    ['reject', /^Error: rejected\n {4}at .*\(?index\.ts:9:49\)?/],
    ['later', /^Error: late\n {4}at .*\(?index\.ts:10:84\)?/],
  ])('when a handler ends by %s', async (how, stack) => {
    const error = await device.invoke({ how }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'threw', tenantStack: expect.stringMatching(stack) });
    expect(device.logs.at(-1)).toMatchObject({ level: 'error', message: expect.stringMatching(stack) });
    expect((error as { tenantStack: string }).tenantStack).not.toMatch(/holdfast:|isolated-vm|file:/);
  });

  test('when it is printed', async () => {
    await device.invoke({ how: 'print' });
    const [printed, other] = device.logs.slice(-2);
    expect(printed!.message).toMatch(/^Error: printed\n {4}at .*\(?index\.ts:11:19\)?$/);
    expect(other!.message).toBe('not a stack: function.js:1:1');
  });

  test('when a middleware of Hono hands it on', async () => {
    await symlink(resolve('node_modules'), join(folder.path, 'node_modules'));
    const entry = await write({
      'hono.ts': `import { Hono } from 'hono';
const app = new Hono();
app.use(async (_c, next) => {
  await next();
});
app.get('/', () => {
  throw new TypeError('in a route');
});
export default app;
`,
    });
    await using hono = await createTestEnvironment({ entry });
    expect((await hono.fetch('/')).status).toBe(500);
    expect(hono.logs.at(-1)!.message).toMatch(
      /^TypeError: in a route\n {4}at .*\(?hono\.ts:7:9\)?\n {4}at .*node_modules\/hono\/dist\/.*\.js:\d+:\d+/,
    );
  });

  test('when the top level of the module throws, at deploy', async () => {
    const entry = await write({
      'top.ts': "type Unused = string;\n\nthrow new Error('at the top');\nexport default {};",
    });
    await expect(createTestEnvironment({ entry })).rejects.toMatchObject({
      code: 'badBundle',
      tenantStack: expect.stringMatching(/^Error: at the top\n {4}at top\.ts:3:7$/),
    });
  });
});
