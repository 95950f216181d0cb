import { expect, test } from '@jest/globals';
import { messageKey } from './message-key.ts';

const keyOf = (rule: string, payload: string | Uint8Array, topic = 't'): string | undefined =>
  messageKey(rule, { topic, payload: typeof payload === 'string' ? Buffer.from(payload) : payload });

test('the key is the topic, whatever the payload', () => {
  expect(keyOf('topic', '{"a":1}', 'site/a')).toBe('site/a');
});

test.each([
  ['/id', '{"id":"x"}', 'x'],
  ['/id', '{"id":""}', ''],
  ['/sensor/id', '{"sensor":{"id":7.5}}', '7.5'],
  ['/on', '{"on":false}', 'false'],
  ['/a~1b/c~0d', '{"a/b":{"c~d":"deep"}}', 'deep'],
  ['/~01', '{"~1":"once"}', 'once'],
  ['/list/1', '{"list":["a","b"]}', 'b'],
])('%s in %s is %s', (pointer, payload, key) => {
  expect(keyOf(pointer, payload)).toBe(key);
});

test.each([
  ['/id', 'no JSON'],
  ['/id', ''],
  ['/id', '{}'],
  ['/id', '{"id":null}'],
  ['/id', '{"id":{"x":1}}'],
  ['/id/x', '{"id":"text"}'],
  ['/length', '"text"'],
  ['/list/01', '{"list":["a","b"]}'],
  ['/list/length', '{"list":["a","b"]}'],
  ['/list/-', '{"list":["a","b"]}'],
  ['/constructor', '{}'],
  ['/__proto__', '{}'],
])('%s in %s is nothing', (pointer, payload) => {
  expect(keyOf(pointer, payload)).toBeUndefined();
});

test('a payload that is not UTF-8 has no key', () => {
  expect(keyOf('/id', Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined();
});

test('long keys are told apart by their digest', () => {
  const long = (end: string): string | undefined =>
    keyOf('/id', JSON.stringify({ id: 'x'.repeat(600) + end }));
  expect(long('a')).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(long('a')).not.toBe(long('b'));
  expect(keyOf('topic', '', 'é'.repeat(300))).toMatch(/^sha256:/);
});
