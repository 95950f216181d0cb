import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/data-plane.ts';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

let sandbox: Sandbox;
let nowMs = 0;

beforeEach(async () => {
  nowMs = 1_000_000;
  sandbox = await openSandbox({ now: () => nowMs });
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

const neighbour = () => sandbox.deploy('neighbour', 'invoke(n) { return n; }');

describe('a function that does not stop [G6]', () => {
  test.each([
    ['a loop', 'invoke() { for (;;); }'],
    [
      'a loop of microtasks',
      'invoke() { const again = () => Promise.resolve().then(again); return again(); }',
    ],
    ['a regular expression', 'invoke() { return /^(a+)+$/.test("a".repeat(60) + "b"); }'],
    ['a getter of its result', 'invoke() { return { get x() { for (;;); } }; }'],
    ['a toJSON', 'invoke() { return { toJSON() { for (;;); } }; }'],
    ['a thenable', 'invoke() { return { then() { for (;;); } }; }'],
    ['a proxy', 'invoke() { return new Proxy({}, { ownKeys() { for (;;); } }); }'],
    ['a comparison', 'invoke() { return [3, 2, 1].sort(() => { for (;;); }); }'],
    ['a timer', 'invoke() { return new Promise(() => setTimeout(() => { for (;;); }, 1)); }'],
    ['a message of its error', 'invoke() { throw { get message() { for (;;); } }; }'],
  ])('is stopped at its CPU limit: %s', async (_what, body) => {
    await neighbour();
    await sandbox.deploy('busy', body, { limits: { cpu: '50ms' } });
    await expect(sandbox.invoke('busy')).rejects.toMatchObject({ code: 'cpu', transient: false });
    expect(await sandbox.invoke('neighbour', 1)).toBe(1);
    expect(sandbox.runtime.hostPids()).toHaveLength(1);
  });

  test('is stopped at its wall-clock limit: a promise that never settles', async () => {
    await sandbox.deploy('never', `invoke(wait) { return wait ? new Promise(() => {}) : 'fine'; }`, {
      limits: { timeout: '500ms' },
    });
    await expect(sandbox.invoke('never', true)).rejects.toMatchObject({ code: 'timeout' });
    expect(await sandbox.invoke('never', false)).toBe('fine');
  });

  test('leaves nothing behind when it asks for more work than its limit allows', async () => {
    const bits = `{ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 1_000_000 }`;
    const body = `async invoke() {
      const held = Array.from({ length: 100_000 }, (_, n) => n + 0.5);
      const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
      await crypto.subtle.deriveBits(${bits}, key, 256);
      return held.length;
    }`;
    await sandbox.deploy('greedy', body, { limits: { memory: '16MiB', cpu: '500ms' } });
    // Each holds almost a MiB: all of them together more than it may have.
    for (let turn = 0; turn < 40; turn += 1)
      await expect(sandbox.invoke('greedy')).rejects.toMatchObject({ code: 'cpu' });
  });

  test('loses only its own invocation among several at a time', async () => {
    await sandbox.deploy('mixed', `invoke(loop) { if (loop) for (;;); return new Promise(() => {}); }`, {
      limits: { concurrency: 2, cpu: '50ms' },
    });
    const innocent = sandbox.invoke('mixed', false).catch((error: unknown) => error);
    await expect(sandbox.invoke('mixed', true)).rejects.toMatchObject({ code: 'cpu' });
    expect(await innocent).toMatchObject({ code: 'hostLost', transient: true });
  });

  test('takes its host with it when the host itself is stuck, and the neighbour runs on', async () => {
    await neighbour();
    await sandbox.deploy('stuck', 'invoke() { return new Promise(() => {}); }', {
      limits: { timeout: '200ms' },
    });
    const [pid] = sandbox.runtime.hostPids();
    const running = sandbox.invoke('stuck').catch((error: unknown) => error);
    process.kill(pid!, 'SIGSTOP');
    expect(await running).toMatchObject({ code: 'timeout' });
    expect(await sandbox.invoke('neighbour', 2)).toBe(2);
    expect(sandbox.runtime.hostPids()).not.toContain(pid);
  });
});

describe('a function that wants too much memory [G6]', () => {
  test.each([
    ['arrays', 'const a = []; for (;;) a.push(new Array(10000).fill(1.5));'],
    ['buffers', 'const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));'],
    ['one buffer', 'return new Uint8Array(1 << 30).fill(1).length;'],
    ['a map', 'const m = new Map(); for (let n = 0; ; n++) m.set(n, { n, text: "x".repeat(n % 100) });'],
    ['a split', 'return "a,".repeat(1 << 24).split(",").length;'],
    ['JSON', 'return JSON.parse("[" + "[1,2,3],".repeat(1 << 21) + "0]").length;'],
    [
      'WebAssembly',
      'const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 256 }); new Uint8Array(m.buffer).fill(1); a.push(m); }',
    ],
    ['a string', 'let s = "x"; const a = []; for (;;) { s += s + Math.random(); a.push(s.split("")); }'],
  ])('dies alone or with its host, and the neighbour runs on: %s', async (_what, work) => {
    await neighbour();
    await sandbox.deploy('hungry', `invoke() { ${work} }`, { limits: { memory: '16MiB', timeout: '20s' } });
    const error = await sandbox.invoke('hungry').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: expect.stringMatching(/^(memory|threw|hostLost)$/) });
    expect(await sandbox.invoke('neighbour', 3)).toBe(3);
  });

  test('recursion without end is an ordinary error', async () => {
    await sandbox.deploy('deep', 'invoke() { const f = () => f() + 1; return f(); }');
    await expect(sandbox.invoke('deep')).rejects.toMatchObject({
      code: 'threw',
      message: expect.stringContaining('RangeError'),
    });
  });
});

describe('what passes between a function and the device is bounded [G6]', () => {
  test('a result over 1 MiB is refused', async () => {
    await sandbox.deploy('large', 'invoke(n) { return "x".repeat(n); }');
    expect(await sandbox.invoke('large', 2 ** 20 - 2)).toHaveLength(2 ** 20 - 2);
    await expect(sandbox.invoke('large', 2 ** 20 - 1)).rejects.toMatchObject({ code: 'resultTooLarge' });
    await expect(sandbox.invoke('large', 2 ** 24)).rejects.toMatchObject({ code: 'resultTooLarge' });
  });

  test('a result of many bytes for few characters is measured in bytes', async () => {
    await sandbox.deploy('wide', 'invoke() { return "€".repeat(500000); }');
    await expect(sandbox.invoke('wide')).rejects.toMatchObject({ code: 'resultTooLarge' });
  });

  test('an event over 4 MiB is refused before it is sent', async () => {
    await sandbox.deploy('large', 'invoke() {}');
    await expect(sandbox.invoke('large', 'x'.repeat(4 * 2 ** 20))).rejects.toMatchObject({
      code: 'eventTooLarge',
    });
  });

  test('a flood of log lines is cut and counted', async () => {
    await sandbox.deploy(
      'loud',
      'invoke() { for (let n = 0; n < 100000; n++) console.log("line " + n, "x".repeat(10)); }',
      { limits: { logs: '1000/s' } },
    );
    await sandbox.invoke('loud');
    expect(sandbox.logs).toHaveLength(201);
    expect(sandbox.logs.at(-1)).toMatchObject({
      level: 'warn',
      message: '99800 more log lines were dropped',
    });
  });

  test('log lines beyond the rate of the manifest are dropped and counted, over all invocations', async () => {
    await sandbox.deploy('often', 'invoke() { for (let n = 0; n < 30; n++) console.log(n); }', {
      limits: { logs: '50/h' },
    });
    for (let count = 0; count < 3; count++) await sandbox.invoke('often');
    const isSummary = ({ level }: { level: string }): boolean => level === 'warn';
    const summary = /^(\d+) log lines were dropped: more than 50 in 3600 s$/;
    // A second after the first of them, when an invocation may still be to come.
    const dropped = () =>
      sandbox.logs
        .filter(isSummary)
        .reduce((sum, { message }) => sum + Number(summary.exec(message)?.[1]), 0);
    await eventually(() => dropped() >= 40);
    expect(dropped()).toBe(40);
    expect(sandbox.logs.filter((entry) => !isSummary(entry))).toHaveLength(50);
  });

  test('a long log line is cut', async () => {
    await sandbox.deploy('long', 'invoke() { console.log("x".repeat(1e6)); }');
    await sandbox.invoke('long');
    expect(sandbox.logs[0]?.message).toHaveLength(4097);
  });

  test('a flood of calls is refused beyond the bound, and the rest is done', async () => {
    const bindings = { OUT: { publish: 'out' } };
    const flood = `async invoke() { const all = await Promise.allSettled(Array.from({ length: 3000 }, () => env.OUT.publish(1))); }`;
    await sandbox.deploy('flood', flood.replace('invoke()', 'invoke(_p, env)'), { bindings });
    await sandbox.invoke('flood');
    expect(sandbox.effects.published).toHaveLength(256);
  });

  test('timers that are set and cleared again and again are refused by name', async () => {
    await sandbox.deploy(
      'timers',
      `invoke(count) {
        for (let n = 0; n < count; n++) { try { clearTimeout(setTimeout(() => 0, 1000)); } catch (error) { return [n, error.message]; } }
      }`,
    );
    const refusal = [10_000, 'More than 10000 timers set in one invocation'];
    expect(await sandbox.invoke('timers', 20_000)).toEqual(refusal);
    expect(await sandbox.invoke('timers', 10_000)).toBeUndefined();
  });

  test('too large a value, too large a message and too many timers are errors', async () => {
    await sandbox.deploy(
      'bounds',
      `async invoke(_p, env) {
        const text = (work) => Promise.resolve().then(work).then(() => 'done', (error) => error.message);
        return [await text(() => env.OUT.publish('x'.repeat(300 * 1024))), await text(() => env.KV.put('k', new Uint8Array(300 * 1024))),
          await text(() => env.KV.get('k'.repeat(20000))), await text(() => { for (let n = 0; n < 300; n++) setTimeout(() => {}, 1e6); })];
      }`,
      { bindings: { OUT: { publish: 'out' }, KV: { kv: 's' } } },
    );
    const [publish, put, get, timers] = (await sandbox.invoke('bounds')) as string[];
    expect(publish).toContain('the limit is 262144');
    expect(put).toContain('the limit is 262144');
    expect(get).toContain('larger than 16384');
    expect(timers).toContain('More than 256 timers');
  });

  test('a call that is not granted is denied, logged and can be caught', async () => {
    await sandbox.deploy(
      'curious',
      `async invoke(catchIt, env) {
        try { await env.OUT.publish('x', { topic: 'elsewhere' }); } catch (error) { if (catchIt) return error.code; throw error; } }`,
      { bindings: { OUT: { publish: 'out' } } },
    );
    expect(await sandbox.invoke('curious', true)).toBe('denied');
    await expect(sandbox.invoke('curious', false)).rejects.toMatchObject({ code: 'denied' });
    expect(sandbox.events.filter(({ event }) => event === 'function.binding.denied')).toHaveLength(2);
    expect(sandbox.effects.published).toEqual([]);
  });
});

describe('when a host process is lost', () => {
  test('all that ran in it is to be delivered again, and the next event finds a new host', async () => {
    await sandbox.deploy('slow', 'invoke() { return new Promise(() => {}); }');
    await neighbour();
    const running = sandbox.invoke('slow').catch((error: unknown) => error);
    const [pid] = sandbox.runtime.hostPids();
    process.kill(pid!, 'SIGKILL');
    expect(await running).toMatchObject({ code: 'hostLost', transient: true });
    expect(await sandbox.invoke('neighbour', 4)).toBe(4);
  });

  test('a function that does it again and again gets a host of its own, then a pause; a new bundle ends the pause', async () => {
    await neighbour();
    const body = (text: string) => `invoke(kill) { return kill ? new Promise(() => {}) : '${text}'; }`;
    await sandbox.deploy('killer', body('first'));
    const crash = async () => {
      const running = sandbox.invoke('killer', true).catch((error: unknown) => error);
      // Its host is there once the neighbour or itself answers; the new one when it runs alone.
      await sandbox.invoke('neighbour', 0);
      const pids = sandbox.runtime.hostPids();
      for (const pid of pids.length > 1 ? pids.filter((pid) => !shared.has(pid)) : pids)
        process.kill(pid, 'SIGKILL');
      return running;
    };
    const shared = new Set<number>();
    for (let n = 0; n < 3; n++) expect(await crash()).toMatchObject({ code: 'hostLost' });
    expect(sandbox.events.map(({ event }) => event)).toContain('function.isolated');
    await sandbox.invoke('neighbour', 0);
    for (const pid of sandbox.runtime.hostPids()) shared.add(pid);
    for (let n = 0; n < 3; n++) {
      expect(await crash()).toMatchObject({ code: 'hostLost' });
      expect(sandbox.runtime.hostPids().filter((pid) => shared.has(pid))).toHaveLength(1);
    }
    await expect(sandbox.invoke('killer', false)).rejects.toMatchObject({ code: 'crashLoop' });
    nowMs += 61_000;
    expect(await sandbox.invoke('killer', false)).toBe('first');
    await sandbox.deploy('killer', body('second'));
    expect(await sandbox.invoke('killer', false)).toBe('second');
  });

  test('it has no environment, no network, no file system and no other channel', async () => {
    await neighbour();
    const [pid] = sandbox.runtime.hostPids();
    // bwrap says where it has put the process.
    expect((await readFile(`/proc/${pid}/environ`, 'utf8')).replace('PWD=/\0', '')).toBe('');
    const flags = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    expect(flags).toContain('--permission');
    expect(flags.filter((flag) => /^--allow-(?!addons|fs-read)/.test(flag))).toEqual([]);
  });
});
