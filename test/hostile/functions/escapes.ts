import { bindings, type HostileProgram } from './program.ts';

/** Attempts to get hold of something outside the isolate; `escaped()` names what was found. */
const attempts: readonly (readonly [name: string, code: string])[] = [
  [
    'looks for the globals of node',
    `const names = ['require', 'module', 'exports', 'Buffer', 'global', 'setImmediate', '__dirname', 'Deno', 'Bun', 'ivm', '$0', '$1', 'gc', 'print', 'load', 'd8', 'holdfast', 'ShadowRealm'];
    return names.filter((name) => name in globalThis || (0, eval)('typeof ' + name) !== 'undefined').concat(Reflect.ownKeys(globalThis.process ?? {}).filter((key) => key !== 'env'), escaped());`,
  ],
  [
    'climbs the chain of constructors from everything in reach',
    `for (const value of [this, globalThis, payload, env, env.OUT, env.OUT.publish, ctx, ctx.waitUntil, console.log, setTimeout, crypto.randomUUID, structuredClone, WebAssembly.Memory, WebAssembly.instantiate])
      get(() => value.constructor.constructor('return this')());
    return escaped();`,
  ],
  [
    'takes what bindings give apart',
    `const pending = env.KV.get('x'); found.push(pending); await getLater(() => pending); await getLater(() => env.KV.put('x', 1)); await getLater(() => env.KV.list());
    await getLater(() => env.KV.get('x', { as: 'bytes' })); await getLater(() => env.KV.delete('x')); await getLater(() => env.OUT.publish('m')); return escaped();`,
  ],
  [
    'takes random bytes and their buffer apart',
    `for (const size of [0, 1, 5000, 65536, 65537]) get(() => crypto.getRandomValues(new Uint8Array(size)).buffer); get(() => crypto.getRandomValues({ length: 5 })); get(() => crypto.getRandomValues(new Proxy(new Uint8Array(5), {})));
    get(() => crypto.getRandomValues.call(null, new Float64Array(4))); return escaped();`,
  ],
  [
    'takes the errors of denied and refused calls apart',
    `await getLater(() => env.OUT.publish(1, { topic: 'elsewhere' })); await getLater(() => env.KV.get('')); await getLater(() => env.KV.get('k'.repeat(1000))); await getLater(() => env.KV.list({ limit: -1 }));
    for (const value of [1n, Symbol('s'), () => 1, undefined, NaN, new Uint8Array(300000)]) await getLater(() => env.OUT.publish(value));
    for (const error of [...found]) { get(() => error.constructor.constructor); get(() => error.stack); get(() => error.cause); } return escaped();`,
  ],
  [
    'imports at run time in every way there is',
    `for (const name of ['node:fs', 'fs', 'isolated-vm', 'file:///etc/passwd', './main.ts', 'data:text/javascript,export default 1', 'https://example.com/x.js'])
      found.push(await import(name).then(() => 'in', (error) => error), await new Function('name', 'return import(name)')(name).then(() => 'in', (error) => error), await (0, eval)('(name) => import(name)')(name).then(() => 'in', (error) => error));
    found.push(await import('node:fs', { with: { type: 'json' } }).then(() => 'in', (error) => error));
    return escaped().concat(found.filter((value) => value === 'in'));`,
  ],
  [
    'reads call sites by prepareStackTrace',
    `const texts = [];
    Error.prepareStackTrace = (error, sites) => { found.push(error); for (const site of sites) { for (const method of ['getThis', 'getFunction', 'getEvalOrigin', 'getTypeName', 'getFileName', 'getScriptNameOrSourceURL']) try { found.push(site[method]()); } catch {} try { texts.push(String(site.getFunction())); } catch {} } return ''; };
    try { null.x; } catch (error) { error.stack; }
    for (const work of [() => env.OUT.publish(1n), () => env.KV.get(Symbol('s')), () => crypto.getRandomValues(7), () => setTimeout(7), () => structuredClone(() => 1), () => atob('*'), () => ctx.waitUntil(), () => new WebAssembly.Module(1)])
      await getLater(work).then((error) => error?.stack);
    JSON.stringify({ toJSON() { return new Error('here').stack; } }); setTimeout(() => { new Error('later').stack; }, 0); await new Promise((resolve) => setTimeout(resolve, 5));
    return escaped().concat(texts.some((text) => text.includes('send(')) ? ['the way to the host'] : []);`,
  ],
  [
    'captures stacks with every limit and getter',
    `Object.defineProperty(Error, 'stackTraceLimit', { get() { found.push(this, new.target); return Infinity; }, set(value) { found.push(value); }, configurable: true });
    const target = {}; get(() => Error.captureStackTrace(target)); get(() => target.stack); get(() => Error.captureStackTrace(env.OUT)); await getLater(() => env.OUT.publish(1n)); get(() => found.at(-1).stack);
    return escaped();`,
  ],
  [
    'follows caller, callee and arguments',
    `const climb = new Function('found', 'try { found.push(climber.caller, arguments.callee, arguments.callee.caller, climber.arguments); } catch (error) { found.push(error); }');
    globalThis.climber = climb; setTimeout(climb, 0, found); queueMicrotask(() => climb(found)); Promise.resolve().then(() => climb(found)); climb(found);
    JSON.stringify({ toJSON: new Function('try { globalThis.climbed = [arguments.callee.caller, this]; } catch {} return 1;') }); await new Promise((resolve) => setTimeout(resolve, 5)); found.push(globalThis.climbed); return escaped();`,
  ],
  [
    'writes prototypes of everything',
    `const spy = new Proxy(Object.create(null), { get(target, key, receiver) { found.push(receiver); return undefined; }, set(target, key, value, receiver) { found.push(value, receiver); return true; } });
    strange.add(spy);
    for (const value of [env, env.OUT, env.OUT.publish, ctx, payload, console, crypto, globalThis, Function.prototype, Promise.prototype, Uint8Array.prototype]) { get(() => { value.__proto__ = spy; }); get(() => Object.setPrototypeOf(value, spy)); get(() => Reflect.setPrototypeOf(value, spy)); }
    await getLater(() => env.OUT.publish({})); await getLater(() => env.KV.list()); return escaped();`,
  ],
  [
    'replaces species of promises, arrays and buffers',
    `class Spy extends Promise { constructor(work) { super((resolve, reject) => { found.push(resolve, reject, work); work(resolve, reject); }); } }
    Object.defineProperty(Promise.prototype, 'constructor', { value: { [Symbol.species]: Spy } });
    for (const Type of [Array, Uint8Array, ArrayBuffer, Map, Set, RegExp, Object.getPrototypeOf(Uint8Array)]) get(() => Object.defineProperty(Type, Symbol.species, { value: function (...args) { found.push(this, ...args); return []; }, configurable: true }));
    await getLater(() => env.OUT.publish(new Uint8Array([1, 2, 3]))); await getLater(() => env.KV.get('x')); get(() => crypto.getRandomValues(new Uint8Array(70))); return escaped();`,
  ],
  [
    'gives thenables where promises are awaited',
    `const thenable = { then(...args) { found.push(this, ...args); args[0]?.(1); } };
    ctx.waitUntil(thenable); await getLater(() => env.OUT.publish(thenable)); await getLater(() => env.KV.put(thenable, thenable)); await thenable; await Promise.all([thenable, Promise.race([thenable])]);
    return { then(resolve) { found.push(resolve); resolve(escaped()); } };`,
  ],
  [
    'gives proxies where values are read',
    `const seen = (target) => new Proxy(target, { get(object, key, receiver) { found.push(receiver); return key === Symbol.toPrimitive ? () => 'k' : Reflect.get(object, key); }, ownKeys(object) { found.push(object); return Reflect.ownKeys(object); }, getPrototypeOf(object) { found.push(object); return Reflect.getPrototypeOf(object); }, apply(target, self, args) { found.push(self, ...args); }, has() { return true; } });
    for (const value of [seen({}), seen([]), seen(() => 1), seen(new Uint8Array(3)), seen(new Error('x')), seen(new Map())]) { await getLater(() => env.OUT.publish(value)); await getLater(() => env.OUT.publish('x', value)); await getLater(() => env.KV.get(value)); await getLater(() => env.KV.put('k', 1, value)); get(() => console.log(value)); get(() => structuredClone(value)); get(() => ctx.waitUntil(value)); get(() => setTimeout(value, value)); get(() => crypto.getRandomValues(value)); }
    await new Promise((resolve) => setTimeout(resolve, 5)); return escaped();`,
  ],
  [
    'calls the methods of its env with other selves',
    `for (const self of [undefined, null, globalThis, 7, env, env.OUT, new Proxy({}, {}), Object.create(env.KV)]) { await getLater(() => env.KV.get.call(self, 'x')); await getLater(() => env.OUT.publish.call(self, 'x')); get(() => ctx.waitUntil.call(self, 1)); get(() => ctx.getRemainingTimeInMillis.call(self)); get(() => console.log.call(self, 'x')); get(() => setTimeout.call(self, () => 1)); get(() => structuredClone.call(self, {})); }
    return escaped();`,
  ],
  [
    'constructs and extends what is not a constructor',
    `for (const f of [env.OUT.publish, env.KV.get, ctx.waitUntil, setTimeout, queueMicrotask, structuredClone, console.log, crypto.getRandomValues, WebAssembly.compile, WebAssembly.Memory, atob]) { get(() => new f()); get(() => Reflect.construct(f, [], Object)); get(() => Reflect.construct(Object, [], f)); get(() => new (class extends f {})()); get(() => Object.create(f.prototype)); }
    return escaped();`,
  ],
  [
    'rejects with strange reasons that nobody handles',
    `Promise.reject(new Proxy({}, { get(t, k, receiver) { found.push(receiver); throw new Error('x'); } })); Promise.reject({ get message() { found.push(this); return {}; } }); Promise.reject(Object.assign(new Error('m'), { stack: found })); Promise.reject(Symbol('s')); Promise.reject(null);
    (async () => { throw { toString() { found.push(this); return 'x'; } }; })(); await new Promise((resolve) => setTimeout(resolve, 20)); return escaped();`,
  ],
  [
    'makes code of every kind of function',
    `const kinds = [function () {}, async function () {}, function* () {}, async function* () {}, () => 1, async () => 1, class {}].map((f) => f.constructor);
    for (const Kind of kinds) { get(() => Kind('return this')()); get(() => Kind('return typeof process')()); get(() => Kind('yield this')().next()); get(() => Kind('return import.meta')()); get(() => Reflect.construct(Kind, ['return this'], env.OUT.publish)()); }
    for (const code of ['this', 'globalThis', 'arguments', 'new.target', 'import.meta', 'super.x', 'with (env) OUT']) { get(() => (0, eval)(code)); get(() => eval(code)); } await Promise.allSettled(found.filter((value) => value instanceof Promise)); return escaped();`,
  ],
  [
    'bends generators and iterators that others may use',
    `for (const prototype of [Object.getPrototypeOf(function* () {}).prototype, Object.getPrototypeOf(async function* () {}).prototype, Object.getPrototypeOf([][Symbol.iterator]()), Object.getPrototypeOf(new Map()[Symbol.iterator]())])
      for (const key of ['next', 'return', 'throw']) if (prototype[key]) get(() => { const old = prototype[key]; prototype[key] = function (value) { found[found.length] = this; found[found.length] = value; return Reflect.apply(old, this, [value]); }; });
    await getLater(() => env.OUT.publish({ a: [1] })); await getLater(() => env.KV.list()); get(() => console.log([1], new Map([[1, 2]]))); return escaped();`,
  ],
  [
    'names bindings by objects that change',
    `let turn = 0; const key = { [Symbol.toPrimitive](hint) { found.push(this, hint); return ['OUT', 'KV', '__proto__', 'constructor'][turn++ % 4]; } };
    for (let n = 0; n < 8; n++) get(() => env[key]); for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', Symbol.iterator, 'NOPE']) get(() => env[name]); get(() => { env.MORE = 1; }); get(() => Object.defineProperty(env, 'OUT', { value: 1 })); get(() => delete env.OUT); return escaped();`,
  ],
  [
    'waits on the prototype of all for whoever reads it',
    `for (const key of ['ok', 'json', 'bytes', 'code', 'message', 'binding', 'method', 'args', 'type', 'topic', 'header', 'event', 'label', 'owner', 'resolve', 'reject', 'signal', 'as', 'prefix', 'limit', 'expected', 'ttl', 'qos', 'retain', 'get', 'set', 'value', 'then', 'release', 'transferIn', 'reference', 'copy', '0'])
      get(() => Object.defineProperty(Object.prototype, key, { get() { found.push(this); return undefined; }, set(value) { found.push(this, value); }, configurable: true }));
    for (let n = 0; n < 3; n++) { await getLater(() => env.OUT.publish({ n })); await getLater(() => env.KV.put('k', n)); await getLater(() => env.KV.get('k')); await getLater(() => env.KV.list()); get(() => console.log({ n })); get(() => crypto.getRandomValues(new Uint8Array(n))); get(() => structuredClone({ n })); } return escaped();`,
  ],
  [
    'replaces JSON to see what is parsed and written',
    `const { parse, stringify } = JSON; JSON.parse = (text) => { found.push(text); const value = parse(text); found.push(value); return value; }; JSON.stringify = (value) => { found.push(value); return stringify(value); };
    await getLater(() => env.OUT.publish({ a: 1 })); await getLater(() => env.KV.put('k', { b: 2 })); await getLater(() => env.KV.get('k')); await getLater(() => env.KV.list()); return escaped();`,
  ],
  [
    'clones odd things',
    `const cycle = {}; cycle.self = cycle;
    for (const value of [() => 1, Symbol('s'), globalThis, env, ctx, console, crypto, new Proxy({}, {}), new WeakMap(), new WebAssembly.Memory({ initial: 1 }), Promise.resolve(), new Error('x', { cause: cycle }), cycle, new Date(NaN), /x/g, new Map([[cycle, new Set([cycle])]]), Object.create(null), new (class A { #x = 1; y = 2; })(), [,,1], new Uint8Array(8).subarray(2), 1n])
      { get(() => structuredClone(value)); get(() => structuredClone({ value })); get(() => structuredClone(value, { transfer: [value] })); }
    const buffer = new ArrayBuffer(8); get(() => structuredClone(buffer, { transfer: [buffer, buffer] })); get(() => structuredClone(buffer, { get transfer() { found.push(this); return [buffer]; } })); return escaped();`,
  ],
  [
    'imports functions, tables and memories into WebAssembly',
    `const bytes = new Uint8Array([0,97,115,109,1,0,0,0, 1,4,1,96,0,0, 2,7,1,1,109,1,102,0,0, 3,2,1,0, 7,5,1,1,103,0,1, 10,6,1,4,0,16,0,11]);
    const imports = new Proxy({ m: { f: function (...args) { found.push(this, ...args); try { found.push(new Error('x').stack); } catch {} } } }, { get(target, key, receiver) { found.push(receiver); return target[key]; } });
    const { module, instance } = await WebAssembly.instantiate(bytes, imports); found.push(module, instance, instance.exports, instance.exports.g); get(() => instance.exports.g());
    get(() => new WebAssembly.Table({ initial: 1, element: 'externref' }, env)); get(() => new WebAssembly.Global({ value: 'externref' }, globalThis)); get(() => new WebAssembly.Tag({ parameters: [] })); get(() => WebAssembly.Module.customSections(module, 'x')); get(() => WebAssembly.Module.imports(module)); get(() => WebAssembly.JSTag); return escaped();`,
  ],
  [
    'waits in the callbacks of timers and microtasks',
    `await new Promise((done) => { setTimeout(function (...args) { found.push(this, ...args, arguments); done(); }, 1, env, found); });
    await new Promise((done) => queueMicrotask(function (...args) { found.push(this, ...args); done(); }));
    for (const work of ['found.push(1)', null, 7, {}, { [Symbol.toPrimitive]() { found.push(this); return 'x'; } }, new Proxy(() => 1, { apply(target, self, args) { found.push(self, ...args); } })]) { get(() => setTimeout(work, { valueOf() { found.push(this); return 1; } })); get(() => queueMicrotask(work)); get(() => clearTimeout(work)); get(() => clearInterval({ valueOf: () => 1 })); }
    await new Promise((resolve) => setTimeout(resolve, 10)); return escaped();`,
  ],
  [
    'looks for shared memory and precise clocks',
    `const ways = [() => SharedArrayBuffer, () => Atomics, () => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }), () => new WebAssembly.Memory({ initial: 1, maximum: 1, get shared() { return (this.n = (this.n ?? 0) + 1) > 1; } }).buffer instanceof ArrayBuffer ? null.x : 1,
      () => Reflect.construct(WebAssembly.Memory.prototype.constructor, [{ initial: 1, maximum: 1, shared: true }]), () => FinalizationRegistry,
      () => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,5,4,1,3,1,1,7,5,1,1,109,2,0]))).exports.m.buffer];
    return ways.flatMap((way, n) => { try { way(); return ['way ' + n]; } catch { return []; } }).concat(escaped());`,
  ],
  [
    'hides shared memory under the name of a buffer',
    `for (const Type of [ArrayBuffer, WebAssembly.Module, WebAssembly.Memory]) Object.defineProperty(Type, Symbol.hasInstance, { value: () => true });
    const module = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,5,4,1,3,1,1,7,5,1,1,109,2,0])); let asked = 0; Object.defineProperty(Object.prototype, 'shared', { get: () => asked++ > 0, configurable: true });
    const memories = [() => new WebAssembly.Instance(module).exports.m.buffer, () => new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer].map((way) => { try { return Object.prototype.toString.call(way()); } catch { return 'no'; } });
    await env.OUT.publish({ a: 1 }); return memories.filter((name) => name === '[object SharedArrayBuffer]').concat(escaped());`,
  ],
  [
    'gives keys and payloads named after the prototype',
    `found.push(payload, { ...payload }, Object.assign({}, payload)); for (const key of ['__proto__', 'constructor', 'prototype']) { await getLater(() => env.KV.put(key, { [key]: 1 })); await getLater(() => env.KV.get(key)); await getLater(() => env.OUT.publish(JSON.parse('{"__proto__":{"polluted":1}}'), JSON.parse('{"__proto__":{"topic":"elsewhere"}}'))); }
    return escaped().concat({}.polluted === undefined ? [] : ['polluted']);`,
  ],
  [
    'lets symbols lie about what things are',
    `for (const Type of [Uint8Array, ArrayBuffer, Promise, Error, Function, Array]) get(() => Object.defineProperty(Type, Symbol.hasInstance, { value(value) { found.push(value); return true; } }));
    const liar = { [Symbol.toStringTag]: 'Uint8Array', length: 3, byteLength: 3, buffer: globalThis, get constructor() { found.push(this); return Uint8Array; }, [Symbol.isConcatSpreadable]: true, *[Symbol.iterator]() { found.push(this); } };
    await getLater(() => env.OUT.publish(liar)); await getLater(() => env.KV.put('k', liar)); get(() => crypto.getRandomValues(liar)); get(() => console.log(liar)); return escaped();`,
  ],
];

const manifest = { bindings };

/** What replaced builtins are given is tried as the way to the host: a log line from it would say LEAK. */
const spy = `
const caught = []; const keep = (value) => { if (typeof value === 'function' && caught.length < 2000) caught.push(value); }; const { apply, construct } = Reflect;
const replace = (owner, key) => { const old = owner[key]; if (typeof old !== 'function') return; owner[key] = function (...args) { keep(this); for (let n = 0; n < args.length; n++) keep(args[n]); return new.target ? construct(old, args, new.target) : apply(old, this, args); }; };
for (const [owner, keys] of [[Reflect, ['apply', 'construct', 'deleteProperty']], [Function.prototype, ['call', 'apply', 'bind']], [Object, ['assign', 'freeze', 'keys', 'entries', 'create', 'defineProperty']],
  [JSON, ['parse', 'stringify']], [Promise.prototype, ['then', 'catch', 'finally']], [Promise, ['resolve', 'withResolvers']], [Array.prototype, ['push', 'map', 'filter', 'forEach', 'join', 'slice', Symbol.iterator]],
  [String.prototype, ['slice', 'charCodeAt', 'startsWith', 'replace']], [Map.prototype, ['get', 'set', 'delete']], [Math, ['max', 'min']], [Date, ['parse', 'now']], [globalThis, ['Promise', 'Error', 'String', 'Number', 'Uint8Array']]]) for (const key of keys) replace(owner, key);
for (const round of [1, 2]) { console.log('round', { round }); await env.OUT.publish({ a: 1 }).catch(() => 0); await env.KV.put('k', 1).catch(() => 0); await env.KV.list().catch(() => 0); setTimeout(() => 0, 0); }
for (const f of caught) for (let id = 0; id < 40; id++) try { f('log', id, 0, 'error:LEAK'); } catch {}
return 'ended';`;

export const escapes: readonly HostileProgram[] = [
  ...attempts.map(([name, code]) => ({
    name,
    code,
    manifest,
    payload: JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":1},"some":["payload"]}',
    ) as unknown,
    expected: { returns: [] },
  })),
  {
    name: 'keeps the env of an invocation that has ended',
    code: `
      if (!globalThis.kept) { globalThis.kept = env; globalThis.keptContext = ctx; return 'kept'; }
      const late = await kept.OUT.publish('late').then(() => 'sent', (error) => error.message.includes('has ended')); get(() => keptContext.waitUntil(1)); await getLater(() => kept.KV.get('x'));
      return [late, escaped()];`,
    manifest,
    times: 2,
    expected: { returns: [true, []] },
  },
  {
    name: 'spies on what replaced builtins are given',
    code: spy,
    manifest,
    expected: { codes: ['threw', 'timeout'] },
  },
];
