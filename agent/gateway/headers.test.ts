import { expect, test } from '@jest/globals';
import { headersForCaller, headersForFunction } from './headers.ts';

/** One that is gone says nothing of where a request came from. */
const peer = undefined;

test.each([
  ['says from where it comes', '203.0.113.9', [], '203.0.113.9'],
  ['cannot say otherwise', '203.0.113.9', ['127.0.0.1'], '127.0.0.1, 203.0.113.9'],
  ['cannot by several fields either', '2001:db8::1', ['a', 'b'], 'a, b, 2001:db8::1'],
  ['says what a proxy on this machine says', '127.0.0.1', ['198.51.100.7'], '198.51.100.7'],
  ['of this machine says so', '::1', [], '::1'],
  ['by IPv4 says so by IPv4', '::ffff:203.0.113.9', [], '203.0.113.9'],
])('a request %s', (_what, address, told, way) => {
  const raw = told.flatMap((value) => ['X-Forwarded-For', value]);
  expect(headersForFunction(raw, { withheld: [], peer: address })).toEqual([['x-forwarded-for', way]]);
});

test('what a request says of its way is no part of it when nobody knows who sent it, or it is of one connection', () => {
  const raw = ['X-Forwarded-For', '127.0.0.1', 'Connection', 'x-forwarded-for'];
  expect(headersForFunction(raw.slice(0, 2), { withheld: [], peer })).toEqual([]);
  const seen = headersForFunction(raw, { withheld: [], peer: '203.0.113.9' });
  expect(seen).toEqual([['x-forwarded-for', '203.0.113.9']]);
});

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
  expect(
    headersForFunction([...raw, 'Authorization', 'Bearer x'], { withheld: ['authorization'], peer }),
  ).toEqual([
    ['host', 'a'],
    ['accept', '*/*'],
  ]);
  expect(headersForFunction(['Authorization', 'Basic x'], { withheld: [], peer })).toEqual([
    ['authorization', 'Basic x'],
  ]);
});

test('cookie fields become one, other repeated fields stay apart', () => {
  expect(
    headersForFunction(['Cookie', 'a=1', 'X', '1', 'Cookie', 'b=2', 'X', '2'], { withheld: [], peer }),
  ).toEqual([
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
