import { expect, test } from '@jest/globals';
import { canonicalPath } from './canonical-path.ts';

test('a path has one reading with its escapes undone, and one that keeps escaped slashes', () => {
  expect(canonicalPath('/a/b')).toEqual({ decoded: '/a/b', segments: '/a/b' });
  expect(canonicalPath('/%61/%C3%BC')).toEqual({ decoded: '/a/ü', segments: '/a/ü' });
  expect(canonicalPath('/a%2Fb/c')).toEqual({ decoded: '/a/b/c', segments: '/a%2Fb/c' });
  expect(canonicalPath('/100%25')).toEqual({ decoded: '/100%', segments: '/100%' });
});

test.each(['/%', '/%zz', '/%ff', '/a%00', '/a%5Cb', '/..%2Fadmin', '/a%2F..', '/a%2F.%2Fb'])(
  'the path %s leads nowhere',
  (path) => {
    expect(canonicalPath(path)).toBeUndefined();
  },
);
