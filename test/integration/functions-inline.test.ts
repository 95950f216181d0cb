import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** Alone in its host and quick many times, a function runs on the host's own thread: all else is as before. [G6] */
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await openSandbox();
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

const limits = { memory: '64MiB', cpu: '200ms', timeout: '5s', concurrency: 50 };

async function quickFunction(work: string): Promise<void> {
  await sandbox.deploy('quick', `async invoke(event, env, ctx) { if (event === 0) return 0; ${work} }`, {
    bindings: { KV: { kv: 'store' }, OUT: { publish: 'out' } },
    limits,
  });
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 50 }, () => sandbox.invoke('quick', 0)));
}

test('results, calls, timers, logs and errors come out as they do on another thread', async () => {
  await quickFunction(`
    await env.KV.put('n' + event, { event });
    const stored = await env.KV.get('n' + event);
    await new Promise((resolve) => setTimeout(resolve, 5));
    console.log('handled ' + event);
    ctx.waitUntil(env.OUT.publish('after ' + event));
    if (event === 13) throw new Error('unlucky');
    return { stored, at: event };
  `);
  const answers = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => sandbox.invoke('quick', index + 1)),
  );
  for (const [index, answer] of answers.entries()) {
    const event = index + 1;
    expect(answer).toMatchObject(
      event === 13
        ? { status: 'rejected', reason: { code: 'threw' } }
        : { status: 'fulfilled', value: { stored: { event }, at: event } },
    );
  }
  const lines = sandbox.logs.filter(({ message }) => message.startsWith('handled '));
  expect(new Set(lines.map(({ message }) => message)).size).toBe(50);
  // Each line is its invocation's own.
  expect(new Set(lines.map(({ invocation }) => invocation)).size).toBe(50);
  expect(sandbox.effects.published.filter(({ text }) => text.startsWith('after '))).toHaveLength(50);
});

test.each([
  ['a loop', 'for (;;);', 'cpu'],
  ['microtasks', 'for (;;) await undefined;', 'cpu'],
  ['a regular expression', 'return /^(a+)+$/.test("a".repeat(60) + "b");', 'cpu'],
  ['a promise that never settles', 'await new Promise(() => {});', 'timeout'],
])('one that was quick and then does not stop is stopped: %s', async (_what, work, code) => {
  await quickFunction(work);
  const failure = await sandbox.invoke('quick', 1).catch((error: unknown) => error);
  // The first time nobody is blamed when the clock ran out before the processor time.
  const again = () => sandbox.invoke('quick', 1).catch((error: unknown) => error);
  const last = (failure as { code?: string }).code === 'hostLost' ? await again() : failure;
  expect(last).toMatchObject({ code });
  expect(await sandbox.invoke('quick', 0)).toBe(0);
});

test('one that was quick and then fills its memory is stopped, by its process if it must be', async () => {
  await quickFunction('const all = []; for (;;) all.push(new Array(1000).fill(event));');
  // isolated-vm may lose the thread over it; the watchdog then ends the process, and the next time another thread has it.
  expect(['memory', 'cpu', 'timeout', 'hostLost']).toContain(await codeOf(1));
  expect(['memory', 'cpu']).toContain(await codeOnceItHasAHost(1));
  expect(await codeOnceItHasAHost(0)).toBe(0);
});

/** What comes out: the result, or the code of the error. */
const codeOf = (event: number): Promise<unknown> =>
  sandbox.invoke('quick', event).catch((error: unknown) => (error as { code: string }).code);

/** A thread that is not given back takes its process along a little later; who runs then is not to blame, and runs again. */
async function codeOnceItHasAHost(event: number): Promise<unknown> {
  const code = await codeOf(event);
  return code === 'hostLost' ? codeOf(event) : code;
}

test('a rejection that nobody handles is logged, and the others go on', async () => {
  await quickFunction('void Promise.reject(new Error("lost " + event)); return event;');
  expect(await sandbox.invoke('quick', 7)).toBe(7);
  expect(await sandbox.invoke('quick', 8)).toBe(8);
  expect(sandbox.logs.map(({ message }) => message).join('\n')).toMatch(/lost 7[^]*lost 8/);
});

test('several at a time of which one does not stop: the others are to be delivered again, or done', async () => {
  await quickFunction('if (event === 5) for (;;); return event;');
  const codes = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      sandbox.invoke('quick', index + 1).then(
        () => 'done',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  );
  for (const [index, code] of codes.entries())
    expect(index === 4 ? ['cpu', 'hostLost'] : ['done', 'hostLost']).toContain(code);
  // Now it is known who it was.
  await expect(sandbox.invoke('quick', 5)).rejects.toMatchObject({ code: 'cpu' });
});
