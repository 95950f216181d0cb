import { bindings, type HostileProgram } from './program.ts';

const granted = { bindings };

/** A function that asks too much of the agent, or what it may not have. */
export const resources: readonly HostileProgram[] = [
  {
    name: 'makes a million calls at once',
    code: `const all = []; for (let n = 0; n < 1e6; n++) all.push(env.KV.get('k').catch(() => 0)); await Promise.all(all);`,
    manifest: { bindings, limits: { cpu: '1s', timeout: '10s' } },
    expected: { codes: ['cpu', 'memory', 'timeout'] },
  },
  {
    name: 'makes calls one after another without end',
    code: `let done = 0; try { for (;;) { await env.KV.get('k'); done++; } } catch { return done; }`,
    manifest: granted,
    expected: { returns: 10_000 },
  },
  {
    name: 'publishes without end',
    code: `let done = 0; try { for (;;) { await env.OUT.publish({ n: done }); done++; } } catch { return done; }`,
    manifest: granted,
    expected: { returns: 10_000 },
  },
  {
    name: 'publishes as much as goes at once',
    code: `const full = new Uint8Array(262144); const all = await Promise.allSettled(Array.from({ length: 300 }, () => env.OUT.publish(full))); return all.filter(({ status }) => status === 'fulfilled').length;`,
    manifest: { bindings, limits: { memory: '512MiB' } },
    expected: { returns: 256 },
  },
  {
    name: 'logs a million lines',
    code: `for (let n = 0; n < 1e6; n++) console.log('line', n); return 'logged';`,
    manifest: { limits: { cpu: '60s', timeout: '100s' } },
    expected: { returns: 'logged' },
  },
  {
    name: 'logs lines of a mebibyte',
    code: `for (let n = 0; n < 300; n++) console.error('x'.repeat(1 << 20)); return 'logged';`,
    manifest: { limits: { cpu: '60s', timeout: '100s' } },
    expected: { returns: 'logged' },
  },
  {
    name: 'sets a million timers',
    code: `let refused = 0; for (let n = 0; n < 1e6; n++) try { setTimeout(() => 0, 1e6); } catch { refused++; } return refused;`,
    manifest: { limits: { cpu: '60s', timeout: '100s' } },
    expected: { returns: 1e6 - 256 },
  },
  {
    name: 'sets and clears timers without end',
    code: `let done = 0; try { for (;;) { clearTimeout(setTimeout(() => 0, 1000)); done++; } } catch { return done; }`,
    expected: { returns: 10_000 },
  },
  {
    name: 'waits for too many things',
    code: `try { for (let n = 0; ; n++) ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1))); } catch (error) { throw error; }`,
    expected: { codes: ['threw'], message: /waitUntil/ },
  },
  {
    name: 'publishes to a topic it was not granted',
    code: `await env.OUT.publish('x', { topic: 'elsewhere' });`,
    manifest: granted,
    expected: { codes: ['denied'] },
  },
  {
    name: 'publishes to topics of the broker and with wildcards',
    code: `const all = await Promise.allSettled(['$SYS/x', '#', 'a/+', '', 'a\\u0000b', '/'.repeat(2000), 7, {}].map((topic) => env.ANY.publish('x', { topic }))); return all.map(({ reason }) => reason?.code ?? 'sent');`,
    manifest: { bindings: { ANY: { publish: '#' } } },
    expected: { returns: Array.from({ length: 8 }, () => 'badCall') },
  },
  {
    name: 'uses stores and names that it was not granted',
    code: `return Promise.all(['OTHER', 'constructor', '__proto__', 'toString'].map(async (name) => { try { await env[name].get('k'); return 'got'; } catch (error) { return error.name; } }));`,
    manifest: granted,
    expected: { returns: Array.from({ length: 4 }, () => 'TypeError') },
  },
  {
    name: 'gives keys out of bounds',
    code: `const all = await Promise.allSettled(['', 'k'.repeat(513), 'a\\u0000b', 7, null, {}, []].map((key) => env.KV.put(key, 1))); return all.map(({ reason }) => reason?.code ?? 'put');`,
    manifest: granted,
    expected: { returns: Array.from({ length: 7 }, () => 'badCall') },
  },
  {
    name: 'gives values out of bounds',
    code: `const all = await Promise.allSettled([new Uint8Array(262145), 'x'.repeat(262145), '€'.repeat(100000), Symbol('s'), 1n, undefined].map((value) => env.KV.put('k', value))); return all.map(({ status }) => status);`,
    manifest: granted,
    expected: { returns: Array.from({ length: 6 }, () => 'rejected') },
  },
  {
    name: 'gives arguments of megabytes',
    code: `const all = await Promise.allSettled([() => env.KV.get('k'.repeat(1e7)), () => env.OUT.publish('x', { topic: 't'.repeat(1e7) }), () => env.OUT.publish('x', { contentType: 'c'.repeat(1e7) }), () => env.KV.list({ prefix: 'p'.repeat(1e7) })].map((call) => call())); return all.map(({ status }) => status);`,
    manifest: { bindings, limits: { memory: '256MiB' } },
    expected: { returns: Array.from({ length: 4 }, () => 'rejected') },
  },
  {
    name: 'answers with more than it may',
    code: `return 'x'.repeat(2 ** 20);`,
    expected: { codes: ['resultTooLarge'] },
  },
  {
    name: 'answers with many bytes for few characters',
    code: `return '€'.repeat(500000);`,
    expected: { codes: ['resultTooLarge'] },
  },
];
