import { describe, expect, test } from '@jest/globals';
import { CodedError } from '../lib/coded-error.ts';
import { digestOf } from '../lib/digest.ts';
import type { JsonObject } from './json.ts';
import { resolve } from './resolve.ts';
import type { DigestLookup } from './resolve.ts';

const signal = new AbortController().signal;
const pinned = `r.io/c@${digestOf('c')}`;
const document: JsonObject = {
  kind: 'Machine',
  apps: { web: { image: 'r.io/web:1', isolation: 'process' }, tool: { image: pinned } },
  functions: { f: { bundle: 'functions/f:latest' }, g: { bundle: 'functions/f:latest' } },
};
const lookup: DigestLookup = (reference) => Promise.resolve(digestOf(reference));

describe('resolving a document', () => {
  test('replaces every tag by its digest and leaves the rest as it was', async () => {
    const f = `functions/f@${digestOf('functions/f:latest')}`;
    expect(await resolve(document, lookup, { signal })).toEqual({
      kind: 'Machine',
      apps: {
        web: { image: `r.io/web@${digestOf('r.io/web:1')}`, isolation: 'process' },
        tool: { image: pinned },
      },
      functions: { f: { bundle: f }, g: { bundle: f } },
    });
    expect(document.functions).toEqual({
      f: { bundle: 'functions/f:latest' },
      g: { bundle: 'functions/f:latest' },
    });
  });

  test('asks once for each distinct tag and never for a digest', async () => {
    const asked: string[] = [];
    await resolve(document, (reference, options) => (asked.push(reference), lookup(reference, options)), {
      signal,
    });
    expect(asked.sort()).toEqual(['functions/f:latest', 'r.io/web:1']);
  });

  test('asks for a few at a time', async () => {
    let running = 0;
    let most = 0;
    const functions = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`f${index}`, { bundle: `a/b:${index}` }]),
    );
    const slow: DigestLookup = async (reference) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return digestOf(reference);
    };
    await resolve({ functions }, slow, { signal });
    expect(most).toBe(4);
  });

  test('names every failure with its place', async () => {
    const missing: DigestLookup = () => Promise.reject(new CodedError('notFound', 'no such tag'));
    const failed = resolve(document, missing, { signal, locate: () => ({ line: 7, column: 3 }) });
    await expect(failed).rejects.toMatchObject({
      code: 'unresolved',
      transient: false,
      message: 'apps.web.image: the digest of r.io/web:1 cannot be looked up: no such tag (and 2 more)',
      problems: [
        { path: ['apps', 'web', 'image'], line: 7, column: 3 },
        { path: ['functions', 'f', 'bundle'] },
        { path: ['functions', 'g', 'bundle'] },
      ],
    });
  });

  test('may work later when every failure may', async () => {
    const away: DigestLookup = () => Promise.reject(new CodedError('network', 'away', { transient: true }));
    await expect(resolve(document, away, { signal })).rejects.toMatchObject({ transient: true });
  });

  test('ends with the reason of an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const aborting: DigestLookup = (reference) => (
      controller.abort(reason),
      Promise.resolve(digestOf(reference))
    );
    await expect(resolve(document, aborting, { signal: controller.signal })).rejects.toBe(reason);
  });
});
