import { expect, test } from '@jest/globals';
import { digestOf } from '../../../lib/digest.ts';
import { chainIds } from './chain-id.ts';

test('a chain is named by all of its layers, the lowest by itself', () => {
  const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];
  const ab = digestOf(`${a} ${b}`);
  expect(chainIds([a, b, c])).toEqual([a, ab, digestOf(`${ab} ${c}`)]);
  expect(chainIds([])).toEqual([]);
});
