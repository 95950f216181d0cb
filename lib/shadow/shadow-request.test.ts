import { expect, test } from '@jest/globals';
import { absentShadow, applyPatch } from './shadow-document.ts';
import type { UpdateRequest } from './shadow-messages.ts';
import { readBareRequest, readUpdate, remove, shadowLimits, tokenIn, update } from './shadow-request.ts';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

test.each([
  [400, 'Invalid JSON', bytes('{')],
  [400, 'Missing required node: state', bytes({})],
  [400, 'State node must be an object', bytes({ state: 1 })],
  [400, 'State node must be an object', bytes({ state: null })],
  [400, 'Desired node must be an object', bytes({ state: { desired: [] } })],
  [400, 'Reported node must be an object', bytes({ state: { reported: 'x' } })],
  [400, 'State contains an invalid node', bytes({ state: { delta: {} } })],
  [400, 'Invalid version', bytes({ state: {}, version: '1' })],
  [400, 'Invalid version', bytes({ state: {}, version: -1 })],
  [400, 'Invalid clientToken', bytes({ state: {}, clientToken: 'x'.repeat(65) })],
  [400, 'Invalid clientToken', bytes({ state: {}, clientToken: 1 })],
  [413, 'The payload exceeds the maximum size allowed', Buffer.alloc(shadowLimits.requestBytes + 1, 32)],
  [415, 'Unsupported documented encoding; supported encoding is UTF-8', Buffer.from([0x22, 0xff, 0x22])],
])('a request is refused with %i %s', (code, message, payload) => {
  expect(readUpdate(payload)).toEqual({ rejected: { code, message } });
});

test('a request with a key nobody knows is refused', () => {
  expect(readUpdate(bytes({ state: {}, other: 1 })).rejected?.code).toBe(400);
});

test.each<[number, UpdateRequest]>([
  [409, { state: { desired: { a: 1 } }, version: 7 }],
  [400, { state: { desired: nested(shadowLimits.depth) as never } }],
  [400, { state: { reported: { a: [1, null] } } }],
  [400, { state: { reported: JSON.parse('{"a":{"__proto__":{"x":1}}}') as never } }],
  [413, { state: { reported: { a: 'x'.repeat(shadowLimits.stateBytes) } } }],
  [413, { state: { reported: { a: Array.from({ length: shadowLimits.values + 1 }, () => 1) } } }],
])('an update is refused with %i', (code, request) => {
  expect(update(absentShadow, request, 1).rejected?.code).toBe(code);
});

test('nesting to the limit is taken', () => {
  const { accepted } = update(
    absentShadow,
    { state: { desired: nested(shadowLimits.depth - 1) as never } },
    1,
  );
  expect(accepted?.version).toBe(1);
});

test('a version that is the present one lets an update in, and 0 one that makes the shadow', () => {
  const first = update(absentShadow, { state: { desired: { a: 1 } }, version: 0 }, 1).accepted;
  expect(first?.version).toBe(1);
  const again = { state: { desired: { a: 2 } }, version: 0 };
  expect(first && update(first, again, 2).rejected?.code).toBe(409);
  expect(first && update(first, { ...again, version: 1 }, 2).accepted?.version).toBe(2);
});

test('only a shadow that exists is deleted, and only at the version that was meant', () => {
  const shadow = applyPatch(absentShadow, { desired: { a: 1 } }, 1);
  expect(remove(absentShadow, { name: 's' }, 2).rejected).toEqual({
    code: 404,
    message: 'No shadow exists with name: s',
  });
  expect(remove(shadow, { name: 's', version: 2 }, 2).rejected?.code).toBe(409);
  expect(remove(shadow, { name: 's', version: 1 }, 2).accepted?.exists).toBe(false);
});

test('requests to get and to delete may be empty', () => {
  expect(readBareRequest(Buffer.alloc(0))).toEqual({ accepted: {} });
  expect(readBareRequest(bytes({ clientToken: 't' }))).toEqual({ accepted: { clientToken: 't' } });
  expect(readBareRequest(bytes('[]')).rejected?.code).toBe(400);
});

test('the token of a wrong request is found when it is one', () => {
  expect(tokenIn(bytes({ state: 1, clientToken: 't' }))).toBe('t');
  for (const payload of ['{', 'null', '{"clientToken":5}', '1'])
    expect(tokenIn(bytes(payload))).toBeUndefined();
});
