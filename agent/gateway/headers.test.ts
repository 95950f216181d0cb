import { expect, test } from '@jest/globals';
import { headersForCaller, headersForFunction } from './headers.ts';

test('a function sees no header that is about the connection, nor one that is withheld', () => {
  const raw = [
    'Host',
    'a',
    'Connection',
    'keep-alive, X-Hop',
    'X-Hop',
    '1',
    'TE',
    'trailers',
    'Accept',
    '*/*',
  ];
  expect(headersForFunction([...raw, 'Authorization', 'Bearer x'], ['authorization'])).toEqual([
    ['host', 'a'],
    ['accept', '*/*'],
  ]);
  expect(headersForFunction(['Authorization', 'Basic x'], [])).toEqual([['authorization', 'Basic x']]);
});

test('cookie fields become one, other repeated fields stay apart', () => {
  expect(headersForFunction(['Cookie', 'a=1', 'X', '1', 'Cookie', 'b=2', 'X', '2'], [])).toEqual([
    ['x', '1'],
    ['x', '2'],
    ['cookie', 'a=1; b=2'],
  ]);
});

test('an answer keeps its cookies and loses what the gateway says itself', () => {
  const headers = [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Content-Length', '3'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'upgrade, x-private'],
    ['X-Private', '1'],
    ['X-Holdfast-Invocation', 'forged'],
    ['ETag', '"1"'],
  ] as const;
  expect(headersForCaller(headers)).toEqual([
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
    ['etag', '"1"'],
  ]);
});

test.each([
  ['a line break in a value', [['x', 'a\r\nset-cookie: b']]],
  ['a name that is no token', [['x y', 'a']]],
  ['a character that Latin-1 has not', [['x', 'ł']]],
  ['more headers than allowed', Array.from({ length: 101 }, (_, n) => [`x-${n}`, ''])],
  ['more bytes than allowed', [['x', 'a'.repeat(33_000)]]],
])('an answer with %s is refused as a bad gateway', (_what, headers) => {
  const list = headers as [string, string][];
  expect(() => headersForCaller(list)).toThrow(expect.objectContaining({ status: 502, code: 'badResponse' }));
});
