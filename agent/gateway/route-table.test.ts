import { expect, test } from '@jest/globals';
import { RouteTable } from './route-table.ts';

const tableOf = (...routes: string[]) => new RouteTable(routes.map((route) => [route, route] as const));

test('an exact route comes before prefixes, and the longest prefix before shorter ones', () => {
  const table = tableOf('/*', '/a/*', '/a/b/c/*', '/a/b', '/');
  const found = ['/', '/x', '/a', '/a/', '/a/b', '/a/b/', '/a/b/c', '/a/b/c/d/e', '/ab', ''].map((path) =>
    table.match(path),
  );
  expect(found).toEqual(['/', '/*', '/a/*', '/a/*', '/a/b', '/a/*', '/a/b/c/*', '/a/b/c/*', '/*', '/*']);
});

test('without a route that takes it a path matches nothing', () => {
  const table = tableOf('/a/*', '/b');
  expect(['/', '/b/', '/b/c', '/ab', '/A'].map((path) => table.match(path))).toEqual(
    Array(5).fill(undefined),
  );
  expect(tableOf().match('/')).toBeUndefined();
});

test('routes are compared as they are decoded', () => {
  expect(tableOf('/caf%C3%A9').match('/café')).toBe('/caf%C3%A9');
  expect(tableOf('/café/*').match('/café/x')).toBe('/café/*');
  expect(() => tableOf('/a', '/%61')).toThrow(expect.objectContaining({ code: 'badInput' }));
  expect(() => tableOf('/x%')).toThrow(expect.objectContaining({ code: 'badInput' }));
});

test('a path of thousands of segments is matched by its first ones', () => {
  expect(tableOf('/a/*').match(`/a${'/x'.repeat(100_000)}`)).toBe('/a/*');
});
