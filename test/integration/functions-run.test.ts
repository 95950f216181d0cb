import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { functionSchema } from '../../manifests/function.ts';
import { bundleOf, MemoryEffects, openSandbox, type Sandbox } from '../support/function-sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

const message = (text: string, topic = 'sensors/a/temperature') => ({
  kind: 'message' as const,
  topic,
  payload: Buffer.from(text),
  contentType: 'application/json',
  time: '2026-01-01T00:00:00.000Z',
});
const send = (name: string, text: string) =>
  sandbox.runtime.invoke(name, message(text), sandbox.effects, { signal: new AbortController().signal });

describe('a function', () => {
  test('transforms a message and publishes JSON, text and bytes', async () => {
    await sandbox.deploy(
      'transform',
      `async message(event, env) {
        const { c } = event.json();
        await env.OUT.publish({ f: c * 1.8 + 32, topic: event.topic, type: event.contentType, time: event.time });
        await env.OUT.publish('ü ' + event.text());
        await env.ANY.publish(new Uint8Array([104, 105]), { topic: 'any/x' });
      }`,
      { bindings: { OUT: { publish: 'out' }, ANY: { publish: 'any/+' } }, on: [{ mqtt: 'sensors/#' }] },
    );
    sandbox.effects.published.length = 0;
    await send('transform', '{"c":100}');
    expect(sandbox.effects.published).toEqual([
      {
        topic: 'out',
        text: '{"f":212,"topic":"sensors/a/temperature","type":"application/json","time":"2026-01-01T00:00:00.000Z"}',
        contentType: 'application/json',
      },
      { topic: 'out', text: 'ü {"c":100}', contentType: 'text/plain; charset=utf-8' },
      { topic: 'any/x', text: 'hi', contentType: 'application/octet-stream' },
    ]);
  });

  test('keeps values in its store, as JSON, text and bytes', async () => {
    await sandbox.deploy(
      'store',
      `async invoke(_payload, env) {
        await env.KV.put('a/1', { n: 1 });
        await env.KV.put('a/2', new Uint8Array([1, 2]));
        await env.KV.put('b', 'text');
        const before = await env.KV.list({ prefix: 'a/' });
        await env.KV.delete('b');
        return [before, await env.KV.get('a/1'), [...await env.KV.get('a/2', { as: 'bytes' })],
          await env.KV.get('a/1', { as: 'text' }), (await env.KV.get('b')) === undefined, await env.KV.list({ limit: 1 })];
      }`,
      { bindings: { KV: { kv: 'readings' } } },
    );
    expect(await sandbox.invoke('store')).toEqual([
      ['a/1', 'a/2'],
      { n: 1 },
      [1, 2],
      '{"n":1}',
      true,
      ['a/1'],
    ]);
    expect([...sandbox.effects.values.keys()]).toEqual(['readings/a/1', 'readings/a/2']);
  });

  test('in the shape of a Lambda answers by promise, by value and by callback', async () => {
    await sandbox.deploy(
      'promise',
      'export const handler = async (event, context) => [event, context.functionName];',
    );
    await sandbox.deploy(
      'callback',
      'export const handler = (event, context, callback) => { callback(null, event); };',
    );
    await sandbox.deploy('commonjs', 'export default { handler: (event) => event };');
    await sandbox.deploy(
      'failing',
      'export const handler = (event, context, callback) => { callback(new Error("no")); };',
    );
    expect(await sandbox.invoke('promise', { a: 1 })).toEqual([{ a: 1 }, 'promise']);
    expect(await sandbox.invoke('callback', [2])).toEqual([2]);
    expect(await sandbox.invoke('commonjs', 3)).toBe(3);
    await expect(sandbox.invoke('failing')).rejects.toMatchObject({ code: 'threw' });
  });

  test('gets the planned time of a schedule as Workers do', async () => {
    await sandbox.deploy('cron', 'scheduled(event) { return event; }', { on: [{ cron: '*/5 * * * *' }] });
    const event = {
      kind: 'scheduled',
      cron: '*/5 * * * *',
      scheduledTime: '2026-01-01T00:05:00.000Z',
    } as const;
    const result = await sandbox.runtime.invoke('cron', event, sandbox.effects, {
      signal: new AbortController().signal,
    });
    expect(result.value).toEqual({
      type: 'scheduled',
      cron: '*/5 * * * *',
      scheduledTime: 1_767_225_900_000,
    });
  });

  test('has timers, encodings, random numbers and structuredClone', async () => {
    await sandbox.deploy(
      'apis',
      `async invoke() {
        const order = [];
        const stopped = setTimeout(() => order.push('never'), 1);
        clearTimeout(stopped);
        await new Promise((resolve) => { let n = 0; const id = setInterval(() => { order.push(++n); if (n === 3) { clearInterval(id); resolve(); } }, 1); });
        const clone = structuredClone({ a: [new Date(0), new Map([[1, new Set([2])]])], b: new Uint8Array([1]) });
        return [order, btoa('hi ÿ'), atob('aGkg/w=='), new TextDecoder().decode(new TextEncoder().encode('ü😀')),
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
          crypto.getRandomValues(new Uint8Array(2000)).some((byte) => byte > 0), clone.a[0].getTime(), clone.a[1].get(1).has(2)];
      }`,
    );
    expect(await sandbox.invoke('apis')).toEqual([[1, 2, 3], 'aGkg/w==', 'hi ÿ', 'ü😀', true, true, 0, true]);
  });

  test('ends only when what it gave to waitUntil has ended', async () => {
    await sandbox.deploy(
      'later',
      `invoke(_p, env, ctx) { ctx.waitUntil(new Promise((r) => setTimeout(r, 5)).then(() => env.OUT.publish('late'))); return 'now'; }`,
      { bindings: { OUT: { publish: 'later' } } },
    );
    expect(await sandbox.invoke('later')).toBe('now');
    expect(sandbox.effects.published.at(-1)).toMatchObject({ topic: 'later', text: 'late' });
  });

  test('sees no effect of its last invocation through an old env', async () => {
    await sandbox.deploy(
      'old',
      `invoke(_p, env) { const old = globalThis.kept; globalThis.kept = env; return old ? old.OUT.publish('x') : 1; }`,
      { bindings: { OUT: { publish: 'old' } } },
    );
    await sandbox.invoke('old');
    await expect(sandbox.invoke('old')).rejects.toMatchObject({
      code: 'threw',
      message: expect.stringContaining('has ended'),
    });
  });

  test('may publish without waiting: nothing is left out', async () => {
    await sandbox.deploy(
      'eager',
      `message(event, env) { for (let n = 0; n < 100; n++) env.OUT.publish(n); }`,
      { bindings: { OUT: { publish: 'eager' } } },
    );
    await send('eager', '{}');
    const mine = sandbox.effects.published
      .filter(({ topic }) => topic === 'eager')
      .map(({ text }) => Number(text));
    expect(mine).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test('hears at once of a publish like one that was granted, and of one that is not', async () => {
    await sandbox.deploy(
      'like',
      `async invoke(_p, env) {
        await env.OUT.publish('first', { topic: 'like/a' });
        await env.OUT.publish('second', { topic: 'like/a' });
        await env.KV.put('k', 'v');
        await env.OUT.publish('third', { topic: 'like/a' });
        return env.OUT.publish('fourth', { topic: 'other' }).catch(({ code }) => code);
      }`,
      { bindings: { OUT: { publish: 'like/+' }, KV: { kv: 'like' } } },
    );
    for (let run = 0; run < 2; run++) expect(await sandbox.invoke('like')).toBe('denied');
    const texts = sandbox.effects.published.flatMap(({ topic, text }) => (topic === 'like/a' ? [text] : []));
    expect(texts).toEqual(['first', 'second', 'third', 'first', 'second', 'third']);
  });

  test('with concurrency 1 handles events one after another in order, with more at the same time', async () => {
    const body = `async invoke(n) { globalThis.inside = (globalThis.inside ?? 0) + 1; const most = globalThis.inside;
      await new Promise((r) => setTimeout(r, 10)); globalThis.inside--; (globalThis.order ??= []).push(n); return [most, [...globalThis.order]]; }`;
    await sandbox.deploy('single', body);
    await sandbox.deploy('many', body, { limits: { concurrency: 4 } });
    const run = (name: string) =>
      Promise.all([0, 1, 2, 3].map((n) => sandbox.invoke(name, n) as Promise<[number, number[]]>));
    const single = await run('single');
    expect(single.map(([most]) => most)).toEqual([1, 1, 1, 1]);
    expect(single.at(-1)?.[1]).toEqual([0, 1, 2, 3]);
    expect(Math.max(...(await run('many')).map(([most]) => most))).toBe(4);
  });

  test('logs what it prints, with its name and invocation', async () => {
    await sandbox.deploy(
      'talker',
      `invoke() { console.log('a', { b: 1 }); console.error(new Error('bad')); }`,
    );
    sandbox.logs.length = 0;
    await sandbox.invoke('talker');
    expect(sandbox.logs.map(({ level, function: name }) => [level, name])).toEqual([
      ['info', 'talker'],
      ['error', 'talker'],
    ]);
    expect(sandbox.logs[0]?.message).toBe('a {"b":1}');
    expect(new Set(sandbox.logs.map(({ invocation }) => invocation)).size).toBe(1);
  });
});

describe('deploying', () => {
  test('replaces a function while it runs: the old invocation ends in the old, the next is in the new', async () => {
    await sandbox.deploy(
      'hot',
      `async invoke() { await new Promise((r) => setTimeout(r, 200)); return 'old'; }`,
      {
        limits: { concurrency: 2 },
      },
    );
    const old = sandbox.invoke('hot');
    await sandbox.deploy('hot', `invoke() { return 'new'; }`);
    expect(await sandbox.invoke('hot')).toBe('new');
    expect(await old).toBe('old');
  });

  test('a bundle that throws at its top level is refused and the old one stays', async () => {
    await sandbox.deploy('kept', `invoke() { return 'kept'; }`);
    await expect(
      sandbox.deploy('kept', 'throw new Error("at load"); export default {};'),
    ).rejects.toMatchObject({
      code: 'badBundle',
      message: expect.stringContaining('at load'),
    });
    await expect(sandbox.deploy('kept', 'for (;;); export default {};')).rejects.toMatchObject({
      code: 'cpu',
    });
    expect(await sandbox.invoke('kept')).toBe('kept');
  });

  test.each([
    ['an import that was not bundled', "import 'node:fs'; export default { invoke() {} };", 'badBundle'],
    ['a syntax error', 'export default {', 'badBundle'],
    ['no handlers', 'export default { other() {} };', 'noHandler'],
  ])('%s is refused', async (_what, code, expected) => {
    await expect(sandbox.deploy('refused', code)).rejects.toMatchObject({ code: expected });
  });

  test('a trigger without its handler is refused at once', async () => {
    const deployed = sandbox.deploy('deaf', 'scheduled() {}', { on: [{ mqtt: 'a/#' }] });
    await expect(deployed).rejects.toMatchObject({ code: 'noHandler' });
  });

  test('a removed function, and one that never was, are not deployed', async () => {
    await sandbox.deploy('gone', 'invoke() {}');
    await sandbox.runtime.remove('gone');
    await expect(sandbox.invoke('gone')).rejects.toMatchObject({ code: 'notDeployed' });
    await sandbox.runtime.remove('never');
  });

  test('a module without the handler for an event says which it has', async () => {
    await sandbox.deploy('half', 'message() {}');
    await expect(sandbox.invoke('half')).rejects.toMatchObject({
      code: 'noHandler',
      message: expect.stringContaining('the bundle has message'),
    });
  });
});

describe('an effect that the device fails to make', () => {
  const failure = Object.assign(new Error('the store does not answer'), { transient: true });
  const failing = {
    kvGet: () => Promise.reject(failure),
    kvPut: () => Promise.reject(new Error('a later failure')),
  };
  const invoke = () =>
    sandbox.runtime.invoke(
      'careless',
      { kind: 'invoke', payload: 1 },
      Object.assign(new MemoryEffects(), failing),
      {
        signal: new AbortController().signal,
      },
    );

  test.each(['return "fine";', 'throw new Error("its own");', 'await new Promise(() => {});'])(
    'fails the invocation with that error, though the function catches it and does: %s',
    async (then) => {
      await sandbox.deploy(
        'careless',
        `async invoke(_payload, env) {
          await env.KV.get('a').catch(() => 0);
          await env.KV.put('a', 1).catch(() => 0);
          ${then}
        }`,
        { bindings: { KV: { kv: 'readings' } }, limits: { timeout: '1s' } },
      );
      await expect(invoke()).rejects.toBe(failure);
    },
  );

  test('fails the invocation when a publish like a granted one meets it, though the function heard of nothing', async () => {
    await sandbox.deploy(
      'told',
      `async invoke(count, env) { for (let n = 0; n < count; n++) await env.OUT.publish(n); return 'fine'; }`,
      { bindings: { OUT: { publish: 'out' } } },
    );
    expect(await sandbox.invoke('told', 1)).toBe('fine');
    const effects = Object.assign(new MemoryEffects(), { publish: () => Promise.reject(failure) });
    const { signal } = new AbortController();
    const event = { kind: 'invoke', payload: 2 } as const;
    await expect(sandbox.runtime.invoke('told', event, effects, { signal })).rejects.toBe(failure);
  });

  test('is not what the manifest denies: that a function may catch', async () => {
    await sandbox.deploy(
      'careless',
      `async invoke(_payload, env) { return env.OUT.publish(1, { topic: 'other' }).catch(({ code }) => code); }`,
      { bindings: { OUT: { publish: 'out' } } },
    );
    expect(await invoke()).toMatchObject({ value: 'denied' });
  });
});

test('a thrown error carries the stack of the source', async () => {
  const map = JSON.stringify({ version: 3, sources: ['src/index.ts'], names: [], mappings: 'AAEA' });
  const code = 'export default{invoke(){throw new TypeError("boom")}}';
  const spec = functionSchema.parse({ bundle: `test/f@sha256:${'0'.repeat(64)}` });
  await sandbox.runtime.deploy({ name: 'mapped', bundle: bundleOf(code, map), spec });
  await expect(sandbox.invoke('mapped')).rejects.toMatchObject({
    code: 'threw',
    message: 'Function mapped failed: TypeError: boom',
    tenantStack: expect.stringContaining('src/index.ts:3:'),
  });
});

test('an abort stops a waiting invocation, and a running one', async () => {
  await sandbox.deploy('patient', `invoke(loop) { if (loop) for (;;); return new Promise(() => {}); }`);
  for (const loop of [false, true]) {
    const controller = new AbortController();
    const running = sandbox.invoke('patient', loop, controller.signal);
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  }
  await sandbox.deploy('patient', `invoke() { return 'well'; }`);
  expect(await sandbox.invoke('patient')).toBe('well');
});

test('closing ends the host and what runs in it', async () => {
  const other = await openSandbox();
  await other.deploy('waiting', 'invoke() { return new Promise(() => {}); }');
  const running = other.invoke('waiting').catch((error: unknown) => error);
  const [pid] = other.runtime.hostPids();
  await other[Symbol.asyncDispose]();
  expect(await running).toMatchObject({ code: 'cancelled' });
  // Killed, it may stay in the table of processes until whoever inherits it has looked.
  for (let look = 0; look < 100 && isThere(pid!); look++) await sleep(50);
  expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
