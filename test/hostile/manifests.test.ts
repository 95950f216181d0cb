import { describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtChild } from '../support/built-program.ts';

// [THREATS 14] Each file is read in a process of its own with little memory: whatever it does, it does it there.
const run = promisify(execFile);
const parser = new URL('../../manifests/index.ts', import.meta.url).href;

type Outcome = {
  readonly codes: string[];
  readonly first: { readonly line: number; readonly column: number; readonly message: string } | null;
  readonly polluted: boolean;
};

async function read(text: string | Uint8Array): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const path = join(folder, 'machine.yaml');
  await writeFile(path, text);
  const flags = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=512'];
  const { stdout } = await run(process.execPath, [...flags, builtChild('parse-child'), path], {
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout) as Outcome;
}

const head = 'apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: m }\n';
const laughs = (times: number, levels: number) =>
  ['l0: &l0 [x, x]']
    .concat(
      Array.from(
        { length: levels },
        (_, index) => `l${index + 1}: &l${index + 1} [${`*l${index}, `.repeat(times)}]`,
      ),
    )
    .join('\n');
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

describe('a hostile machine file', () => {
  test.each<[string, string, string]>([
    ['an alias bomb', laughs(9, 9), 'tooLarge'],
    [
      'an alias bomb of one long text',
      `a: &a ${'x'.repeat(60_000)}\nb: [${'*a, '.repeat(10_000)}]`,
      'tooLarge',
    ],
    ['an alias inside what it names', 'a: &a { b: *a }', 'syntax'],
    ['a hundred thousand open brackets', '['.repeat(100_000), 'tooLarge'],
    ['a hundred thousand open braces', '{a: '.repeat(100_000), 'tooLarge'],
    ['a hundred thousand explicit keys', '? '.repeat(100_000), 'tooLarge'],
    ['a hundred thousand dashes', '- '.repeat(100_000), 'tooLarge'],
    ['a thousand indentations', lines(1000, (index) => `${' '.repeat(index)}a:`), 'tooLarge'],
    ['more than a mebibyte', '#'.repeat(2 ** 20 + 1), 'tooLarge'],
    ['a mebibyte of line breaks', '\n'.repeat(2 ** 20), 'tooLarge'],
    ['two hundred thousand documents', '---\n'.repeat(200_000), 'tooLarge'],
    ['a thousand documents', '---\n'.repeat(1000), 'syntax'],
    ['a hundred thousand keys', lines(100_000, (index) => `k${index}: 1`), 'tooLarge'],
    ['forty thousand keys that are one', lines(40_000, () => 'k: 1'), 'duplicateKey'],
    ['half a million values', `a: [${'1,'.repeat(500_000)}]`, 'tooLarge'],
    ['a text of a mebibyte', `a: ${'x'.repeat(2 ** 20 - 10)}`, 'forbidden'],
    ['__proto__', `${head}__proto__: { polluted: 1 }`, 'forbidden'],
    [
      '__proto__ deep inside',
      `${head}functions: { f: { bundle: a/b, bindings: { __proto__: { polluted: 1 } } } }`,
      'forbidden',
    ],
    ['a constructor', `${head}apps: { constructor: { prototype: { polluted: 1 } } }`, 'forbidden'],
    ['an alias to __proto__ as a key', `${head}labels: &k __proto__\n*k : { polluted: 1 }`, 'forbidden'],
    ['a merge of __proto__', `${head}<<: { __proto__: { polluted: 1 } }`, 'forbidden'],
    ['a merge through YAML 1.1', `%YAML 1.1\n---\n${head}<<: { polluted: 1 }`, 'forbidden'],
    ['a tag of code', 'a: !!js/function "function () {}"', 'syntax'],
    ['a tag of bytes', 'a: !!binary aGk=', 'syntax'],
    [
      'numbers that are none',
      `${head}streams: { s: { topics: [a], relay: { priority: .inf } } }`,
      'forbidden',
    ],
    ['a number of a thousand digits', `a: ${'9'.repeat(1000)}`, 'forbidden'],
    ['half a surrogate pair', String.raw`a: "\ud800"`, 'forbidden'],
    ['a key that is a collection', '? { a: 1 }\n: 2', 'forbidden'],
    [
      'a range of a hundred million minutes',
      `${head}volumes: { v: { snapshot: "0-99999999 * * * *" } }`,
      'invalidValue',
    ],
    [
      'a topic of thirty thousand slashes',
      `${head}streams: { s: { topics: ["${'/'.repeat(30_000)}+x"] } }`,
      'invalidValue',
    ],
    [
      'an image of thirty thousand dashes',
      `${head}apps: { a: { image: "${'a-'.repeat(30_000)}" } }`,
      'invalidValue',
    ],
    [
      'a path of thirty thousand dots',
      `${head}apps: { a: { image: a/b, exports: ["${'a/.'.repeat(20_000)}"] } }`,
      'invalidValue',
    ],
    [
      'a hash that costs 2^31',
      `${head}clients: { c: { password: "$scrypt$ln=31,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}" } }`,
      'invalidValue',
    ],
    [
      'six hundred functions',
      `${head}functions:\n${lines(600, (index) => `  f${index}: { bundle: a/b }`)}`,
      'invalidValue',
    ],
    [
      'two thousand unknown keys',
      `${head}${lines(2000, (index) => `${'key'.repeat(10)}${index}: 1`)}`,
      'unknownKey',
    ],
  ])('with %s ends in a problem with its place', async (_what, text, code) => {
    const { codes, first, polluted } = await read(text);
    expect(codes).toContain(code);
    expect(first).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
    expect(first!.message.length).toBeLessThan(1000);
    expect(polluted).toBe(false);
  });

  test('of random bytes or a mutated good file never brings the reader down', async () => {
    const good = `${head}functions:\n  f: { bundle: a/b, on: [{ mqtt: "a/#" }, { cron: "* * * * *" }], limits: { memory: 8MiB } }\n`;
    const seed = Array.from({ length: 300 }, (_, index) => mutate(good, index));
    const all = `
      import { parseManifest } from ${JSON.stringify(parser)};
      for (const text of ${JSON.stringify(seed)}) {
        const result = parseManifest(text);
        if (!result.ok && result.problems.some(({ line, column }) => !(line >= 1) || !(column >= 1))) throw new Error(text);
      }
      process.stdout.write('done');
    `;
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-hostile-'));
    await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
    const path = join(folder, 'all.mjs');
    await writeFile(path, all);
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', path], {
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    expect(stdout).toBe('done');
  });
});

/** A few characters exchanged, by a fixed sequence of numbers. */
function mutate(text: string, seed: number): string {
  const alphabet = '{}[]:,&*!|>\'"%@`#?-\n\t \\0\u0000\ud800aé';
  let state = seed * 2_654_435_761 + 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const characters = text.split('');
  for (let count = 0; count < 1 + (seed % 6); count++)
    characters[next(characters.length)] = alphabet[next(alphabet.length)]!;
  return characters.join('');
}
