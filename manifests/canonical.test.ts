import { describe, expect, test } from '@jest/globals';
import { digestOf } from '../lib/digest.ts';
import { canonicalize, manifestDigest, readCanonicalManifest } from './canonical.ts';
import type { JsonObject } from './json.ts';
import { ManifestError } from './manifest-error.ts';

const digest = digestOf('bundle');
const document: JsonObject = {
  kind: 'Machine',
  apiVersion: 'holdfast/v1',
  metadata: { name: 'm' },
  functions: { f: { bundle: `a/b@${digest}`, limits: { memory: '64MiB' } } },
};

const read = (text: string | Uint8Array) => readCanonicalManifest(Buffer.from(text), digestOf(text));
const failureOf = (act: () => unknown): ManifestError | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof ManifestError) return error;
    throw error;
  }
};
const codeOf = (act: () => unknown) => failureOf(act)?.code;

describe('the canonical form', () => {
  test('does not depend on the order of keys', () => {
    const reversed = Object.fromEntries(Object.entries(document).toReversed());
    expect(canonicalize(reversed)).toBe(canonicalize(document));
  });

  test('orders keys by UTF-16 code units and writes numbers as RFC 8785 does', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const text = canonicalize(Object.fromEntries(keys.map((key) => [key, 0])));
    expect(Object.keys(JSON.parse(text) as object)).toEqual([
      '1',
      '\r',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\u{1f600}',
      '\ufb33',
    ]);
    expect(canonicalize({ a: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0] })).toBe(
      '{"a":[333333333.3333333,1e+30,4.5,0.002,1e-27,0]}',
    );
  });

  test('is read back to the machine it stands for', () => {
    const text = canonicalize(document);
    const result = readCanonicalManifest(Buffer.from(text), manifestDigest(text));
    expect(result.document).toEqual(document);
    expect(result.machine.functions.f?.limits.memory).toBe(64 * 2 ** 20);
    expect(result.digest).toBe(digestOf(text));
  });

  test('is refused over four mebibytes', () => {
    const big = 'x'.repeat(60_000);
    const labels = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`l${index}`, big]));
    expect(codeOf(() => canonicalize(labels))).toBe('tooLarge');
    expect(codeOf(() => read(' '.repeat(4 * 2 ** 20 + 1)))).toBe('tooLarge');
  });
});

describe('bytes that claim to be a manifest', () => {
  const text = canonicalize(document);

  test('of another digest are refused before they are parsed', () => {
    expect(codeOf(() => readCanonicalManifest(Buffer.from('{'), digest))).toBe('digestMismatch');
  });

  test.each([
    ['pretty-printed', JSON.stringify(document, null, 2)],
    ['in another order of keys', JSON.stringify(document)],
    ['with a key twice', text.replace('{"name":"m"}', '{"name":"x","name":"m"}')],
    ['with a trailing line break', `${text}\n`],
    ['with a byte order mark', `\ufeff${text}`],
    ['with a needless escape', text.replace('"m"', String.raw`"\u006d"`)],
    ['with __proto__', text.replace('{"name":"m"}', '{"__proto__":{"x":1},"name":"m"}')],
    ['with half a surrogate pair', text.replace('"m"', String.raw`"\ud800"`)],
    ['that are a list', '[]'],
    ['that are no JSON', 'kind: Machine'],
    ['nested without end', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['nested deeper than allowed', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`],
    ['of more values than allowed', `{"a":[${'1,'.repeat(60_000)}1]}`],
    ['with an integer that would be rounded', '{"a":9007199254740993}'],
    ['with an infinite number', '{"a":1e400}'],
  ])('%s are not canonical', (_what, bytes) => {
    expect(codeOf(() => read(bytes))).toBe('notCanonical');
  });

  test('that are not UTF-8 are not canonical', () => {
    expect(codeOf(() => read(Buffer.from([0x7b, 0xff, 0x7d])))).toBe('notCanonical');
  });

  test('that break the language are invalid, with every problem', () => {
    const bad = canonicalize({ ...document, kind: 'Car', nope: 1 });
    const failure = failureOf(() => read(bad));
    expect(failure).toMatchObject({ code: 'invalid' });
    expect(failure?.problems.map(({ path }) => path)).toEqual([['kind'], ['nope']]);
  });

  test('that name an image by tag are refused, as only digests are applied', () => {
    const tagged = canonicalize({ ...document, functions: { f: { bundle: 'a/b:1' } } });
    expect(codeOf(() => read(tagged))).toBe('unresolved');
  });
});
