import { beforeAll, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { apis, required } from '../../scripts/web-apis/apis.ts';
import { webApisDocument } from '../../scripts/web-apis/document.ts';
import type { Results } from '../../scripts/web-apis/probe-function.ts';
import { runProbes } from '../../scripts/web-apis/run-probes.ts';

/** ECMA-429, the minimum common web API, checked inside a function of the real runtime. */
let results: Results;

beforeAll(async () => {
  results = await runProbes(apis, AbortSignal.timeout(110_000));
}, 120_000);

test('every API of the standard has checks', () => {
  const checked = apis.filter(({ checks }) => Object.keys(checks).length > 0).map(({ name }) => name);
  expect(required.filter((name) => !checked.includes(name))).toEqual([]);
});

test.each(apis.map(({ name }) => name))('%s is as documented', (name) => {
  const failed = Object.entries(results[name] ?? { all: 'did not run' }).filter(
    ([, found]) => found !== true,
  );
  expect(failed).toEqual([]);
});

test('a check that is not true is found', async () => {
  const wrong = {
    name: 'wrong',
    standard: '',
    checks: { 'gives 1': '1', 'throws it': 'undefined.x', is: 'true' },
  };
  const found = await runProbes([wrong], AbortSignal.timeout(60_000));
  expect(found.wrong).toMatchObject({
    'gives 1': 'it gave 1',
    'throws it': expect.stringContaining('TypeError'),
    is: true,
  });
});

test('the page about web APIs is up to date', async () => {
  const page = await readFile(new URL('../../docs/web-apis.md', import.meta.url), 'utf8');
  expect(page).toBe(webApisDocument(apis, results));
});
