import { expect, test } from '@jest/globals';
import { stackMapper } from './stack-mapper.ts';

const map = JSON.stringify({ version: 3, sources: ['index.ts'], names: [], mappings: 'AAEA' });

test('a place in the bundle becomes a place in the source, and frames of the sandbox are left out', () => {
  const stack =
    'Error: x\n    at f (function.js:1:1)\n    at holdfast:inside:3:4\n    at (<isolated-vm boundary>)\n    at file:///opt/holdfast/host.mjs:9:9';
  expect(stackMapper(map)(stack)).toBe('Error: x\n    at f (index.ts:3:1)');
});

test.each([
  ['none', undefined],
  ['broken', '{'],
  ['too large', ' '.repeat(3 * 2 ** 20)],
])('with a map that is %s the stack stays as it is', (_what, sourceMap) => {
  expect(stackMapper(sourceMap)('at function.js:1:1')).toBe('at function.js:1:1');
});

test('a source that the map gives an endless name does not make an endless stack', () => {
  const named = JSON.stringify({ version: 3, sources: ['x'.repeat(1e6)], names: [], mappings: 'AAEA' });
  const mapped = stackMapper(named)(' at function.js:1:1'.repeat(100));
  expect(mapped.length).toBeLessThan(100 * 300);
});
