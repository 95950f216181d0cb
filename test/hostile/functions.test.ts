import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** Hostile functions (threats 17, 18, 25): each runs beside a neighbour in a host process, and may only hurt itself. [G6] */
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});
beforeEach(() => {
  sandbox.logs.length = 0;
  sandbox.effects.published.length = 0;
});

const manifest = { limits: { timeout: '3s' }, bindings: { OUT: { publish: 'out' }, KV: { kv: 'own' } } };

/** What an attack looks for; in its scope `world` tells what a Function of some realm sees. */
const tools = `
  const world = (F) => { try { return F('return typeof (globalThis.process ?? {}).pid + typeof require + typeof Buffer + typeof setImmediate')(); } catch { return 'undefined'.repeat(4); } };
  const outside = (value) => { try { return world(value.constructor.constructor) !== 'undefined'.repeat(4); } catch { return false; } };`;

async function attack(body: string): Promise<unknown> {
  await sandbox.deploy(
    'hostile',
    `${tools} export default { async invoke(payload, env, ctx) { ${body} } };`,
    manifest,
  );
  return sandbox.invoke('hostile', { some: ['payload'] });
}

async function expectNeighbourWell(): Promise<void> {
  await sandbox.deploy(
    'neighbour',
    `async invoke(n, env) { await env.OUT.publish({ n }); return [n, {}.polluted, typeof process.pid]; }`,
    { bindings: { OUT: { publish: 'neighbour' } } },
  );
  expect(await sandbox.invoke('neighbour', 1)).toEqual([1, null, 'undefined']);
  expect(sandbox.effects.published.at(-1)).toMatchObject({ topic: 'neighbour', text: '{"n":1}' });
}

describe('an escape finds nothing outside', () => {
  test.each<[string, string, unknown]>([
    [
      'probes',
      `return [typeof process.pid, typeof require, typeof module, typeof Buffer, typeof global, typeof setImmediate];`,
      Array.from({ length: 6 }, () => 'undefined'),
    ],
    [
      'the chain of constructors',
      `return [this, globalThis, payload, env, env.OUT, env.OUT.publish, ctx, ctx.waitUntil, console.log, setTimeout, crypto.randomUUID].some(outside);`,
      false,
    ],
    [
      'what a binding returns',
      `const p = env.KV.get('x'); const list = await env.KV.list(); await env.KV.put('x', 1); return [p, await p, list, await env.KV.get('x', { as: 'bytes' })].some(outside);`,
      false,
    ],
    [
      'random bytes of the host',
      `return outside(crypto.getRandomValues(new Uint8Array(5000))) || outside(crypto.getRandomValues(new Uint8Array(5000)).buffer);`,
      false,
    ],
    [
      'the error of a denied call',
      `try { await env.OUT.publish(1, { topic: 'no' }); } catch (error) { return [error, error.constructor, error.stack].some(outside); }`,
      false,
    ],
    [
      'the error of a bent call',
      `const seen = []; for (const args of [[1n], [Symbol('s')], [() => 1], [undefined]]) { try { await env.OUT.publish(...args); } catch (error) { seen.push(outside(error)); } } return seen;`,
      [false, false, false, false],
    ],
    ['import()', `return import('node:fs').then(() => 'in', () => 'out');`, 'out'],
    [
      'import() from new code',
      `return new Function('return import("node:fs")')().then(() => 'in', () => 'out');`,
      'out',
    ],
    [
      'prepareStackTrace',
      `
      const found = []; Error.prepareStackTrace = (_error, sites) => { for (const site of sites) { try { found.push(site.getThis(), site.getFunction()); } catch {} } return ''; };
      try { null.x; } catch (error) { error.stack; }
      try { await env.OUT.publish(1n); } catch (error) { error.stack; }
      new Proxy({}, { get() { throw new Error('x'); } }); try { JSON.stringify({ toJSON() { throw new Error('y'); } }); } catch (error) { error.stack; }
      return [found.some((value) => value !== undefined && outside(value)), found.filter((value) => typeof value === 'function').map(String).some((text) => text.includes('send('))];`,
      [false, false],
    ],
    [
      'caller and callee',
      `try { const f = function () { return f.caller; }; return outside(f() ?? {}); } catch { return false; }`,
      false,
    ],
    [
      'species of arrays and promises',
      `
      const got = []; class Spy extends Promise { constructor(work) { super((resolve, reject) => { got.push(resolve, reject); work(resolve, reject); }); } }
      Object.defineProperty(Promise.prototype, 'constructor', { value: { [Symbol.species]: Spy } }); Object.defineProperty(Uint8Array, Symbol.species, { value: function (...args) { got.push(...args); return new Array(); } });
      await env.OUT.publish(new Uint8Array([1])); return got.some((value) => value && outside(value));`,
      false,
    ],
    [
      'a thenable as result',
      `return { then(resolve, reject) { resolve([resolve, reject].some(outside)); } };`,
      false,
    ],
    [
      'a proxy as value',
      `const seen = []; const proxy = new Proxy({}, { get(_target, key, receiver) { seen.push(receiver); return undefined; }, ownKeys() { return []; } });
      await env.OUT.publish(proxy).catch(() => 0); await env.OUT.publish('x', proxy).catch(() => 0); await env.KV.get('k', proxy).catch(() => 0); return seen.some(outside);`,
      false,
    ],
    [
      'WebAssembly',
      `const got = []; const bytes = new Uint8Array([0,97,115,109,1,0,0,0]); const { module, instance } = await WebAssembly.instantiate(bytes); got.push(module, instance, instance.exports); return got.some(outside);`,
      false,
    ],
    [
      'shared memory',
      `const ways = [() => SharedArrayBuffer, () => Atomics, () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
        () => new WebAssembly.Memory({ initial: 1, maximum: 1, get shared() { return (this.n = (this.n ?? 0) + 1) > 1; } }).buffer.constructor.name === 'ArrayBuffer' ? undefined.x : 1,
        () => Reflect.construct(WebAssembly.Memory.prototype.constructor, [{ initial: 1, maximum: 1, shared: true }]),
        () => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,5,4,1,3,1,1,7,5,1,1,109,2,0]))).exports.m.buffer];
      return ways.map((way) => { try { way(); return 'got'; } catch { return 'no'; } });`,
      Array.from({ length: 6 }, () => 'no'),
    ],
    [
      'shared memory under the name of a buffer',
      `const bend = (Type) => Object.defineProperty(Type, Symbol.hasInstance, { value: () => true });
      [ArrayBuffer, WebAssembly.Module, WebAssembly.Memory].forEach(bend);
      const module = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,5,4,1,3,1,1,7,5,1,1,109,2,0]));
      let asked = 0; Object.defineProperty(Object.prototype, 'shared', { get: () => asked++ > 0, configurable: true });
      const ways = [() => new WebAssembly.Instance(module).exports.m.buffer, () => new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer];
      const found = ways.map((way) => { try { return Object.prototype.toString.call(way()); } catch { return 'no'; } });
      await env.OUT.publish({ a: 1 });
      return [found.includes('[object SharedArrayBuffer]'), found[0]];`,
      [false, 'no'],
    ],
  ])('%s', async (_what, body, expected) => {
    expect(await attack(body)).toEqual(expected);
    await expectNeighbourWell();
  });

  test('nothing that can be reached from inside belongs to the host', async () => {
    const body = `
      const seen = new Set(); const names = new Set(); const queue = [globalThis, env, ctx, payload, this]; let strangers = 0;
      while (queue.length > 0 && seen.size < 100000) {
        const value = queue.pop();
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue;
        seen.add(value);
        if (typeof value === 'function' && value !== Function.prototype && !(value instanceof Function)) strangers++;
        names.add(Object.prototype.toString.call(value)); if (typeof value === 'function') names.add(value.name);
        queue.push(Object.getPrototypeOf(value));
        for (const key of Reflect.ownKeys(value)) {
          const property = Object.getOwnPropertyDescriptor(value, key);
          if (property) queue.push(property.value, property.get, property.set);
        }
      }
      return [strangers, seen.size > 500, [...names].filter((name) => /isolate|^reference$|externalcopy|callback|process|dereference|transferable/i.test(name))];`;
    expect(await attack(body)).toEqual([0, true, []]);
  });

  test('the way to the host is never shown to builtins that were replaced', async () => {
    const body = `
      const caught = []; const keep = (value) => { if (typeof value === 'function' && caught.length < 2000) caught.push(value); };
      const spy = (owner, key) => { const old = owner[key]; if (typeof old !== 'function') return; owner[key] = function (...args) { keep(this); for (let n = 0; n < args.length; n++) keep(args[n]); return new.target ? Reflect_construct(old, args, new.target) : Reflect_apply(old, this, args); }; };
      const { apply: Reflect_apply, construct: Reflect_construct } = Reflect;
      for (const [owner, keys] of [[Reflect, ['apply', 'construct', 'deleteProperty']], [Function.prototype, ['call', 'apply', 'bind']], [Object, ['assign', 'freeze', 'keys', 'entries', 'create', 'defineProperty']],
        [JSON, ['parse', 'stringify']], [Promise.prototype, ['then', 'catch', 'finally']], [Promise, ['resolve', 'withResolvers']], [Array.prototype, ['push', 'map', 'filter', 'forEach', 'join', 'slice', Symbol.iterator]],
        [String.prototype, ['slice', 'charCodeAt', 'startsWith', 'replace']], [Map.prototype, ['get', 'set', 'delete']], [Math, ['max', 'min']], [Date, ['parse', 'now']], [globalThis, ['Promise', 'Error', 'String', 'Number', 'Uint8Array']]]) for (const key of keys) spy(owner, key);
      for (const round of [1, 2]) { console.log('round', { round }); await env.OUT.publish({ a: 1 }).catch(() => 0); await env.KV.put('k', 1).catch(() => 0); await env.KV.list().catch(() => 0); setTimeout(() => 0, 0); }
      for (const f of caught) for (let id = 0; id < 40; id++) try { f('log', id, 0, 'error:LEAK'); } catch {}
      return 'ended';`;
    await attack(body).catch((error: unknown) => error);
    expect(sandbox.logs.filter(({ message }) => message.includes('LEAK'))).toEqual([]);
    await expectNeighbourWell();
  });
});

test('a call of more bytes than its length admits is answered with a refusal', async () => {
  const body = `
    Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), 'length', { get: () => 1 });
    return env.OUT.publish(new Uint8Array(9 * 2 ** 20)).then(() => 'sent', (error) => error.message);`;
  expect(await attack(body)).toBe('env.OUT.publish is refused: 9437184 bytes; the limit is 262144');
  await expectNeighbourWell();
});

describe('bent builtins hurt only their own function', () => {
  test.each([
    [
      'Object.prototype.toJSON',
      `Object.prototype.toJSON = () => 'bent'; console.log({}); await env.OUT.publish(1); return {};`,
    ],
    [
      'Object.prototype.toJSON and an error',
      `Object.prototype.toJSON = () => ({ code: 'cpu', message: 7 }); throw new Error('x');`,
    ],
    ['JSON', `JSON.stringify = JSON.parse = () => { throw new Error('bent'); }; return env.KV.get('x');`],
    [
      'the prototype of all',
      `Object.prototype.polluted = 'yes'; Object.prototype.get = () => 1; Object.prototype.then = (resolve) => resolve('then'); return env.KV.list();`,
    ],
    [
      'setters on the prototype of all',
      `for (const key of ['ok', 'binding', 'args', 'type', 'topic', 'header', 'resolve', '0', '1']) Object.defineProperty(Object.prototype, key, { get() { return this; }, set() { throw 1; }, configurable: true }); return env.OUT.publish({});`,
    ],
    [
      'Promise',
      `globalThis.Promise = class { then() {} }; Object.getPrototypeOf((async () => {})()).then = function () { return this; }; return env.OUT.publish(1);`,
    ],
    [
      'strings',
      `String.prototype.slice = String.prototype.charCodeAt = () => ({}); Number.prototype.toString = () => 'x'; console.log('x'.repeat(100000)); throw new Error('y');`,
    ],
    [
      'iterators',
      `Array.prototype[Symbol.iterator] = function* () { yield* []; }; Array.prototype.push = () => 0; console.log(1, 2); return env.KV.list();`,
    ],
    [
      'an error that bites',
      `throw new Proxy(new Error('x'), { get() { throw new Error('again'); }, getPrototypeOf() { throw 1; } });`,
    ],
    [
      'an error with a code of ours',
      `throw Object.assign(new Error('x'), { code: 'denied', stack: { length: 1e9 } });`,
    ],
    ['a result that bites', `return { toJSON() { return { toJSON() { throw null; } }; } };`],
    [
      'a huge error',
      `throw Object.assign(new Error('m'.repeat(1e6)), { name: 'n'.repeat(1e6), stack: 's'.repeat(1e6) });`,
    ],
    [
      'the word of the log',
      `console.log('\\u0000'.repeat(5000), '\\ud800'); console.log({ toJSON: () => undefined }, Symbol('s'), 1n, null);`,
    ],
    [
      'keys of the prototype',
      `return Promise.allSettled(['__proto__', 'constructor', 'toString'].map((key) => env.KV.put(key, key)));`,
    ],
  ])('%s', async (_what, body) => {
    const [pid] = sandbox.runtime.hostPids();
    const ended = await attack(body).catch((error: unknown) => error);
    if (ended instanceof Error)
      expect(ended).toMatchObject({ code: expect.stringMatching(/^(threw|denied|timeout)$/) });
    await expectNeighbourWell();
    expect(sandbox.runtime.hostPids()).toEqual([pid]);
  });
});
