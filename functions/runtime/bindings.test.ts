import { describe, expect, test } from '@jest/globals';
import { functionSchema } from '../../manifests/function.ts';
import { bindingKinds, performCall } from './bindings.ts';
import type { InvocationEffects } from './ports.ts';

const { bindings } = functionSchema.parse({
  bundle: `a/b@sha256:${'0'.repeat(64)}`,
  bindings: { OUT: { publish: 'site/out' }, ANY: { publish: 'site/+/t' }, STORE: { kv: 'readings' } },
});

function recorder() {
  const done: unknown[][] = [];
  const effects = {
    publish: (message) => void done.push(['publish', message.topic, message.qos, message.retain]),
    kvGet: (store, key) => (done.push(['get', store, key]), undefined),
    kvPut: (store, key, value) => void done.push(['put', store, key, value.byteLength]),
    queueSend: (queue, { body }) => void done.push(['send', queue, body.byteLength]),
    kvDelete: (store, key) => void done.push(['delete', store, key]),
    kvList: (store, { prefix, limit }) => (done.push(['list', store, prefix, limit]), []),
  } satisfies InvocationEffects;
  return { done, effects };
}

const call = (binding: string, method: string, args: unknown = {}, body = new Uint8Array(0)) => ({
  binding,
  method,
  args,
  body,
});

describe('performCall', () => {
  test('a grant of one topic needs no topic and publishes with QoS 1', async () => {
    const { done, effects } = recorder();
    await performCall(bindings, call('OUT', 'publish'), effects);
    await performCall(bindings, call('OUT', 'publish', { topic: 'site/out', qos: 0, retain: true }), effects);
    expect(done).toEqual([
      ['publish', 'site/out', 1, false],
      ['publish', 'site/out', 0, true],
    ]);
  });

  test('a grant of a filter needs a topic that matches it', async () => {
    const { done, effects } = recorder();
    await performCall(bindings, call('ANY', 'publish', { topic: 'site/a/t' }), effects);
    await expect(performCall(bindings, call('ANY', 'publish'), effects)).rejects.toMatchObject({
      code: 'badCall',
    });
    expect(done).toEqual([['publish', 'site/a/t', 1, false]]);
  });

  test.each([
    ['another topic', 'OUT', 'publish', { topic: 'site/other' }],
    ['a topic outside the filter', 'ANY', 'publish', { topic: 'site/a/b/t' }],
    ['a binding that is not there', 'NONE', 'publish', {}],
    ['a name of the prototype', 'constructor', 'publish', {}],
    ['a method of another kind', 'OUT', 'get', { key: 'a' }],
    ['a method that is not there', 'STORE', 'clear', {}],
  ])('%s is denied', async (_what, binding, method, args) => {
    const { done, effects } = recorder();
    const result = performCall(bindings, call(binding, method, args), effects);
    await expect(result).rejects.toMatchObject({ code: 'denied' });
    expect(done).toEqual([]);
  });

  test.each([
    ['a wildcard in a topic', 'ANY', 'publish', { topic: 'site/+/t' }],
    ['a topic of the broker', 'ANY', 'publish', { topic: '$SYS/x' }],
    ['a key that is empty', 'STORE', 'put', { key: '' }],
    ['a key that is not text', 'STORE', 'get', { key: 7 }],
    ['a key with NUL', 'STORE', 'get', { key: 'a\0b' }],
    ['a key of 513 characters', 'STORE', 'get', { key: 'k'.repeat(513) }],
    ['a list without bound', 'STORE', 'list', { limit: 100_000 }],
    ['an argument nobody knows', 'STORE', 'get', { key: 'a', store: 'other' }],
    ['arguments that are not there', 'STORE', 'get', undefined],
  ])('%s is refused', async (_what, binding, method, args) => {
    const { done, effects } = recorder();
    const result = performCall(bindings, { ...call(binding, method), args }, effects);
    await expect(result).rejects.toMatchObject({ code: 'badCall' });
    expect(done).toEqual([]);
  });

  test('more than 256 KiB are refused', async () => {
    const { effects } = recorder();
    const result = performCall(bindings, call('OUT', 'publish', {}, new Uint8Array(256 * 1024 + 1)), effects);
    await expect(result).rejects.toMatchObject({ code: 'badCall' });
  });
});

test('a binding of a kind that is not offered is refused by name', () => {
  const spec = functionSchema.parse({
    bundle: `a/b@sha256:${'0'.repeat(64)}`,
    bindings: { KEY: { secret: 'weather-key' } },
  });
  expect(() => bindingKinds('f', spec.bindings)).toThrow('binding KEY is of kind secret');
});
