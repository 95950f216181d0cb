import { bindings, type Expected, type HostileProgram } from './program.ts';

const threw: Expected = { codes: ['threw'] };

/** A function that bends what the language gives; only itself may suffer. */
const bends: readonly (readonly [name: string, code: string, expected: Expected])[] = [
  [
    'puts toJSON on the prototype of all',
    `Object.prototype.toJSON = () => 'bent'; console.log({}); await env.OUT.publish(1); return {};`,
    threw,
  ],
  [
    'puts toJSON on the prototype of all and throws',
    `Object.prototype.toJSON = () => ({ code: 'cpu', message: 7 }); throw new Error('x');`,
    threw,
  ],
  [
    'lets JSON throw',
    `JSON.stringify = JSON.parse = () => { throw new Error('bent'); }; return env.KV.get('x');`,
    { returns: undefined },
  ],
  [
    'pollutes the prototype of all',
    `Object.prototype.polluted = 'yes'; Object.prototype.get = () => 1; Object.prototype.then = (resolve) => resolve('then'); return env.KV.list();`,
    { returns: undefined },
  ],
  [
    'puts setters on the prototype of all',
    `for (const key of ['ok', 'binding', 'args', 'type', 'topic', 'header', 'resolve', '0', '1']) Object.defineProperty(Object.prototype, key, { get() { return this; }, set() { throw 1; }, configurable: true }); return env.OUT.publish({});`,
    { codes: ['threw', 'denied', 'timeout'] },
  ],
  [
    'hides the size of a call that nobody waits for',
    `await env.OUT.publish(new Uint8Array(1)); Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), 'length', { get: () => 0 }); await env.OUT.publish(new Uint8Array(300 * 1024));`,
    threw,
  ],
  [
    'replaces Promise and then',
    `globalThis.Promise = class { then() {} }; Object.getPrototypeOf((async () => {})()).then = function () { return this; }; return env.OUT.publish(1);`,
    { codes: ['timeout', 'threw'] },
  ],
  [
    'replaces the methods of strings and numbers',
    `String.prototype.slice = String.prototype.charCodeAt = () => ({}); Number.prototype.toString = () => 'x'; console.log('x'.repeat(100000)); throw new Error('y');`,
    threw,
  ],
  [
    'replaces the methods of arrays',
    `Array.prototype[Symbol.iterator] = function* () { yield* []; }; Array.prototype.push = Array.prototype.map = Array.prototype.join = () => 0; console.log(1, 2); return env.KV.list();`,
    { codes: ['timeout', 'threw'] },
  ],
  [
    'replaces the methods of maps, sets and weak maps',
    `for (const Type of [Map, Set, WeakMap, WeakSet]) for (const key of ['get', 'set', 'has', 'add', 'delete']) Type.prototype[key] = () => { throw new Error('bent'); }; setTimeout(() => 0, 0); await env.OUT.publish(1); return env.KV.list();`,
    { returns: [] },
  ],
  [
    'replaces call, apply and bind',
    `Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error('bent'); }; await env.OUT.publish(1); return env.KV.list();`,
    { returns: [] },
  ],
  [
    'empties Reflect, Object and Math',
    `const { ownKeys } = Reflect; for (const owner of [Reflect, Object, Math, JSON, Date]) for (const key of ownKeys(owner)) try { delete owner[key]; } catch {} return env.KV.list();`,
    { returns: [] },
  ],
  [
    'removes every global',
    `for (const key of Reflect.ownKeys(globalThis)) try { delete globalThis[key]; } catch {} await env.OUT.publish({ a: 1 }); return env.KV.list();`,
    { returns: [] },
  ],
  [
    'replaces Uint8Array and ArrayBuffer',
    `globalThis.Uint8Array = globalThis.ArrayBuffer = function () { throw new Error('bent'); }; await env.OUT.publish({ a: 1 }); return env.KV.list();`,
    { returns: [] },
  ],
  [
    'throws an error that bites',
    `throw new Proxy(new Error('x'), { get() { throw new Error('again'); }, getPrototypeOf() { throw 1; } });`,
    threw,
  ],
  [
    'throws an error under a code of ours',
    `throw Object.assign(new Error('x'), { code: 'memory', stack: { length: 1e9 } });`,
    threw,
  ],
  [
    'throws an error whose parts throw',
    `throw { get name() { throw 1; }, get message() { throw 2; }, get stack() { throw 3; }, toString() { throw 4; } };`,
    threw,
  ],
  [
    'throws a huge error',
    `throw Object.assign(new Error('m'.repeat(1e6)), { name: 'n'.repeat(1e6), stack: 's'.repeat(1e6) });`,
    threw,
  ],
  ['throws nothing', `throw undefined;`, threw],
  [
    'gives a result that bites',
    `return { toJSON() { return { toJSON() { throw null; } }; } };`,
    { returns: {} },
  ],
  ['gives a result with a getter that throws', `return { get x() { throw new Error('x'); } };`, threw],
  ['gives a result that contains itself', `const a = {}; a.a = a; return a;`, threw],
  [
    'gives a result that JSON does not know',
    `return { f() {}, s: Symbol('s'), u: undefined };`,
    { returns: {} },
  ],
  ['gives a big integer', `return 1n;`, threw],
  [
    'logs what cannot be shown',
    `console.log('\\u0000'.repeat(5000), '\\ud800'); console.log({ toJSON: () => undefined }, Symbol('s'), 1n, null); console.log(new Proxy({}, { ownKeys() { throw 1; }, get() { throw 2; } })); return 1;`,
    { returns: 1 },
  ],
  [
    'puts keys of the prototype into its store',
    `const all = await Promise.allSettled(['__proto__', 'constructor', 'toString'].map((key) => env.KV.put(key, key))); return all.map(({ status }) => status);`,
    { returns: ['fulfilled', 'fulfilled', 'fulfilled'] },
  ],
  [
    'lies about the length of what it publishes',
    `Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), 'length', { get: () => 1 }); return env.OUT.publish(new Uint8Array(9 * 2 ** 20)).then(() => 'sent', (error) => error.message);`,
    { returns: 'env.OUT.publish is refused: 9437184 bytes; the limit is 262144' },
  ],
  [
    'changes bytes after they were checked',
    `const bytes = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 2 ** 20 })); const sent = env.OUT.publish(bytes); bytes.buffer.resize(2 ** 20); await sent; bytes.buffer.transfer(0); return env.OUT.publish(bytes).then(() => 'sent', () => 'refused');`,
    { returns: 'refused' },
  ],
];

export const bentBuiltins: readonly HostileProgram[] = bends.map(([name, code, expected]) => ({
  name,
  code,
  expected,
  manifest: { bindings, limits: { timeout: '2s' } },
}));
