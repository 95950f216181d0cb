import { describe, expect, test } from '@jest/globals';
import { layerPath } from './layer-path.ts';
import { readWhiteout } from './whiteout.ts';

describe('a path of an archive', () => {
  test.each([
    ['a/b', ['a', 'b']],
    ['./a//b/./c/', ['a', 'b', 'c']],
    ['./', []],
    ['a..b/...', ['a..b', '...']],
  ])('%j is made of its names', (path, names) => {
    expect(layerPath(path)).toEqual(names);
  });

  test.each([
    '',
    '/a',
    '../a',
    'a/..',
    'a/../b',
    'a\0b',
    'n'.repeat(256),
    'n/'.repeat(2050),
    'd/'.repeat(257),
  ])('%j is refused', (path) => {
    expect(() => layerPath(path)).toThrow(expect.objectContaining({ code: 'badArchive' }));
  });
});

test('a whiteout is told by its name alone', () => {
  expect(readWhiteout([], 'plain')).toBeUndefined();
  expect(readWhiteout([], 'x.wh.')).toBeUndefined();
  expect(readWhiteout(['a'], '.wh.b')).toEqual({ name: 'b' });
  expect(readWhiteout(['a'], '.wh..wh..opq')).toBe('opaque');
  expect(readWhiteout(['a'], '.wh..wh.plnk')).toEqual({ name: '.wh.plnk' });
});
