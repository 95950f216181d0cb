import { expect, test } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import { createLogger } from '../../lib/logger.ts';
import { functionSchema } from '../../manifests/function.ts';
import { limits, nobody, type ToHost } from '../host/protocol.ts';
import { Invocation } from './invocation.ts';
import type { InvocationEffects, OutboundResponse, OutsideEffects } from './ports.ts';

const { bindings } = functionSchema.parse({
  bundle: `a/b@sha256:${'0'.repeat(64)}`,
  bindings: { OUT: { publish: 'out' }, API: { fetch: ['https://api.example.com'] } },
});
type Replies = Extract<ToHost, { type: 'reply' }>[];

/** One whose fetches wait until `answer` is called. */
function world({ egressBytes = 2 ** 30, fullAt = Infinity } = {}) {
  const replies: Replies = [];
  const logs: string[] = [];
  let published = 0;
  let fetched = 0;
  const response = Promise.withResolvers<OutboundResponse>();
  const publish = (): void => {
    if (++published === fullAt) throw new Error('no room');
  };
  const invocation = new Invocation({
    ...{ id: 1, label: 'l', name: 'f', bindings, egressBytes, depth: 0, now: () => 0 },
    effects: { publish } as unknown as InvocationEffects,
    outside: { fetch: () => (fetched++, response.promise) } as unknown as OutsideEffects,
    logger: createLogger(() => undefined),
    onLog: ({ message }, finish) => logs.push(finish(message)),
    mapStack: () => 'mapped',
    onDenied: () => undefined,
    send: (header) => void replies.push(header as Replies[number]),
  });
  let last = 0;
  const call = (binding: string, method: string, args: unknown, size: number) =>
    invocation.call(
      { type: 'call', invocation: 1, call: ++last, binding, method, args },
      new Uint8Array(size),
    );
  const request = { method: 'POST', url: 'https://api.example.com/', headers: [] };
  return {
    ...{ invocation, replies, logs },
    counts: () => ({ published, fetched }),
    fetch: (size: number) => call('API', 'fetch', request, size),
    publish: (size: number) => call('OUT', 'publish', {}, size),
    tell: (args: unknown) =>
      invocation.call(
        { type: 'call', invocation: 1, call: nobody, binding: 'OUT', method: 'publish', args },
        new Uint8Array(1),
      ),
    end: () => {
      invocation.end({ type: 'result', cpuMs: 7, coldStart: false, body: new Uint8Array(0) });
      return invocation.ended;
    },
    answer: () =>
      response.resolve({ status: 200, headers: [], body: Buffer.alloc(0), url: 'x', redirected: false }),
    refusals: () => replies.flatMap((reply) => (reply.ok ? [] : [`${reply.code} ${reply.message}`])),
  };
}

test('bodies of calls that wait are bounded together, whatever waits', async () => {
  const { fetch, publish, refusals, counts, answer } = world();
  for (let n = 0; n < limits.openCalls + 2; n++) fetch(limits.fetchBytes);
  expect(refusals()).toEqual([]);
  fetch(1);
  publish(1);
  expect(refusals()).toEqual([
    expect.stringMatching(/^badCall env\.API\.fetch is refused: too much waits/),
    expect.stringMatching(/^badCall env\.OUT\.publish is refused: too much waits/),
  ]);
  answer();
  await setImmediate();
  fetch(1);
  publish(1);
  await setImmediate();
  expect(refusals()).toHaveLength(2);
  expect(counts()).toEqual({ published: 1, fetched: limits.openCalls + 3 });
});

test('what is too large, or more than the egress, is refused before it waits', () => {
  const { fetch, publish, refusals, counts, invocation } = world({ egressBytes: 10_000 });
  for (let n = 0; n < limits.openCalls; n++) fetch(0);
  fetch(9000);
  fetch(9000);
  fetch(limits.fetchBytes + 1);
  publish(limits.callBytes + 1);
  expect(refusals()).toEqual([
    expect.stringContaining('limits.egress'),
    expect.stringContaining(`the limit is ${limits.fetchBytes}`),
    expect.stringContaining(`the limit is ${limits.callBytes}`),
  ]);
  expect(counts().fetched).toBe(limits.openCalls);
  expect(invocation.usage.egressBytes).toBeLessThan(10_000);
});

test('a line of the log is mapped when it holds a stack', () => {
  const { invocation, logs } = world();
  const others = ['\n'.repeat(limits.logLineChars), 'look at function.js:1', '\n at x'.repeat(600)];
  for (const message of ['Error: x\n    at f (function.js:1:2)', '\tat holdfast:inside:1:2', ...others])
    invocation.log('error', message);
  expect(logs).toEqual(['mapped', 'mapped', ...others]);
});

test('a call that nobody waits for has its effect and no answer', async () => {
  const { tell, replies, counts, end } = world();
  tell({});
  expect(await end()).toMatchObject({ type: 'result' });
  expect(replies).toEqual([]);
  expect(counts()).toEqual({ published: 1, fetched: 0 });
});

test.each([
  [{ topic: 'elsewhere' }, 'denied'],
  [{ qos: 2 }, 'badCall'],
])(
  'a call that nobody waits for and that is refused fails its invocation, which is charged: %j',
  async (args, code) => {
    const { invocation, tell, replies, counts, end } = world();
    tell(args);
    await expect(end()).rejects.toMatchObject({ code });
    expect(replies).toEqual([]);
    expect(counts().published).toBe(0);
    expect(invocation.usage).toEqual({ cpuMs: 7, egressBytes: 0 });
  },
);

test('what comes after a call that nobody waited for and that is refused is refused with its words', async () => {
  const { tell, publish, fetch, refusals, counts, end } = world();
  tell({ topic: 'elsewhere' });
  publish(1);
  fetch(1);
  await setImmediate();
  const reason = 'denied env.OUT.publish is denied: topic elsewhere is not granted; out is';
  expect(refusals()).toEqual([reason, reason]);
  await expect(end()).rejects.toMatchObject({ code: 'denied' });
  expect(counts()).toEqual({ published: 0, fetched: 0 });
});

test('nothing goes outside, or is published, behind a call that nobody waited for and that the device cannot take', async () => {
  const { tell, publish, fetch, refusals, counts, end } = world({ fullAt: 2 });
  tell({});
  tell({});
  fetch(1);
  publish(1);
  await setImmediate();
  fetch(1);
  const reason = 'failed env.OUT.publish failed on the device';
  expect(refusals().sort()).toEqual([reason, reason, reason]);
  await expect(end()).rejects.toThrow('no room');
  expect(counts()).toEqual({ published: 2, fetched: 0 });
});

test('a fetch goes out behind what was told before it', async () => {
  const { tell, fetch, counts, answer, replies } = world();
  tell({});
  fetch(1);
  expect(counts()).toEqual({ published: 0, fetched: 0 });
  answer();
  await setImmediate();
  expect(counts()).toEqual({ published: 1, fetched: 1 });
  expect(replies).toMatchObject([{ ok: true }]);
});

test('a call that nobody waits for has room beside those that wait for their turn', async () => {
  const { publish, tell, refusals, counts } = world();
  for (let bytes = 0; bytes < limits.waitingCallBytes; bytes += limits.callBytes) publish(limits.callBytes);
  tell({});
  publish(1);
  expect(refusals()).toEqual([expect.stringContaining('too much waits')]);
  await setImmediate();
  expect(counts().published).toBe(limits.waitingCallBytes / limits.callBytes + 1);
});
