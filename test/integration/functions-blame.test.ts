import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryEffects, openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** Who pays for what went wrong, and who does not. [G6] */
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await openSandbox();
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

type Failed = { code?: string; usage?: { cpuMs: number } };
const failureOf = (call: Promise<unknown>): Promise<Failed> =>
  call.then(
    () => ({}),
    (error: unknown) => error as Failed,
  );

test.each([
  ['a loop', 'for (;;);', { cpu: '300ms', timeout: '20s' }],
  ['a loop to the wall clock', 'for (;;);', { cpu: '20s', timeout: '500ms' }],
])('what is stopped is charged with what it used: %s', async (_what, work, limits) => {
  await sandbox.deploy('busy', `invoke() { ${work} }`, { limits });
  const { usage } = await failureOf(sandbox.invoke('busy'));
  // On a busy machine it gets little of a second.
  expect(usage?.cpuMs).toBeGreaterThan(10);
});

test('a thread that a builtin holds for ever is taken back with its process', async () => {
  await sandbox.deploy('busy', 'invoke() { return [].every.call({ length: 2 ** 53 - 1 }, () => true); }', {
    limits: { cpu: '100ms', timeout: '20s' },
  });
  const [before] = sandbox.runtime.hostPids();
  expect(await failureOf(sandbox.invoke('busy'))).toMatchObject({ code: 'cpu' });
  for (let look = 0; look < 100 && sandbox.runtime.hostPids().includes(before!); look++) await sleep(100);
  expect(sandbox.runtime.hostPids()).not.toContain(before);
});

test('a caller who leaves takes nobody with him', async () => {
  await sandbox.deploy(
    'shared',
    `async invoke(event) {
      if (event === 'busy') { const end = Date.now() + 500; while (Date.now() < end); return 'done'; }
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return event;
    }`,
    { limits: { concurrency: 10, cpu: '10s', timeout: '20s' } },
  );
  const others = [1, 2, 3].map((event) => sandbox.invoke('shared', event));
  await sleep(200);
  const caller = new AbortController();
  const left = failureOf(sandbox.invoke('shared', 'busy', caller.signal));
  await sleep(200);
  caller.abort();
  expect(await left).toMatchObject({ code: 'cancelled' });
  expect(await Promise.all(others)).toEqual([1, 2, 3]);
});

test('a top level that does not end when it is run again fails its own invocations', async () => {
  // The first run is quick: what is stopped afterwards has to be loaded anew. A clock is all that tells them apart.
  const beganMs = Date.now();
  await sandbox.deploy('sweet', 'invoke: () => 1');
  const quickMs = 500 + 5 * (Date.now() - beganMs);
  await sandbox.deploy(
    'sour',
    `const sour = Date.now() > ${Date.now() + quickMs};
     if (sour) for (;;);
     export default { invoke(event) { if (event === 'stop') for (;;); return 1; } };`,
    { limits: { cpu: '100ms', timeout: '20s' } },
  );
  expect(await sandbox.invoke('sour')).toBe(1);
  await sleep(quickMs);
  expect(await failureOf(sandbox.invoke('sour', 'stop'))).toMatchObject({ code: 'cpu' });
  expect(await failureOf(sandbox.invoke('sour'))).toMatchObject({ code: 'cpu' });
});

test('an honest event that takes longer than all before it is left to its end', async () => {
  await sandbox.deploy(
    'honest',
    `invoke(event) { const end = Date.now() + event; while (Date.now() < end); return event; }`,
    { limits: { concurrency: 10, cpu: '10s', timeout: '20s' } },
  );
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 10 }, () => sandbox.invoke('honest', 0)));
  expect(await Promise.all([sandbox.invoke('honest', 400), sandbox.invoke('honest', 0)])).toEqual([400, 0]);
});

test('what the host does for a function is charged to it', async () => {
  await sandbox.deploy(
    'asking',
    `invoke() {
      const bytes = new Uint8Array(2 ** 20);
      for (;;) new TextDecoder('iso-2022-jp').decode(bytes);
    }`,
    { limits: { cpu: '300ms', timeout: '20s' } },
  );
  const { code, usage } = await failureOf(sandbox.invoke('asking'));
  expect(code).toBe('cpu');
  expect(usage?.cpuMs).toBeGreaterThan(100);
});

test('what an effect of its own ends is charged with what it used', async () => {
  await sandbox.deploy(
    'failing',
    `async invoke(_payload, env) {
      await env.OUT.publish('x').catch(() => 0);
      for (const end = Date.now() + 200; Date.now() < end;);
    }`,
    { bindings: { OUT: { publish: 'out' } } },
  );
  const refuse = () => Promise.reject(new Error('too large'));
  const effects = Object.assign(new MemoryEffects(), { publish: refuse });
  const { signal } = new AbortController();
  const event = { kind: 'invoke', payload: 1 } as const;
  const { usage } = await failureOf(sandbox.runtime.invoke('failing', event, effects, { signal }));
  expect(usage?.cpuMs).toBeGreaterThan(10);
});
