import type { InvocationEvent } from '../../../functions/index.ts';
import { bindings, brief, isStoppedByClock, tight, type Expected, type HostileProgram } from './program.ts';

const request: InvocationEvent = {
  kind: 'fetch',
  method: 'POST',
  url: 'http://device.local/x?a=1',
  headers: [['content-type', 'multipart/form-data; boundary=b']],
  body: Buffer.from('--b\r\n'.repeat(10_000)),
  route: '/*',
};

/** Attempts to get hold of something outside by the web APIs. */
const attempts: readonly (readonly [name: string, code: string])[] = [
  [
    'constructs and calls every global with odd arguments',
    `for (const key of Reflect.ownKeys(globalThis)) { const value = globalThis[key]; if (typeof value !== 'function' || /Function$|^(setTimeout|setInterval|eval|get|getLater|reportError|queueMicrotask)$/.test(String(key))) continue;
      for (const args of [[], [null], [{}], [globalThis], ['x', {}], [new Proxy({}, {})], [[['a', 'b']]], [{ get signal() { found.push(this); return this; } }]]) { get(() => new value(...args)); get(() => value(...args)); get(() => Reflect.construct(value, args, Object)); get(() => value.call(globalThis, ...args)); } }
    for (const value of found) if (value instanceof Promise) value.catch(() => 0); return escaped();`,
  ],
  [
    'takes requests, responses and their bodies apart',
    `const request = new Request('https://x.example/', { method: 'POST', body: 'text', headers: { a: 'b' } }), response = new Response(new Blob(['x']), { headers: [['a', 'b']] });
    found.push(request, response, request.headers, request.body, request.signal, response.clone(), response.body.getReader(), Response.json({ a: 1 }), new FormData(), new Headers({ a: 'b' }).entries(), new URL('https://x.example').searchParams);
    for (const method of ['text', 'json', 'formData', 'blob', 'arrayBuffer', 'bytes']) await getLater(() => new Response('a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })[method]()); return escaped();`,
  ],
  [
    'gives fetch requests with getters and proxies',
    `const seen = (target) => new Proxy(target, { get(object, key, receiver) { found.push(receiver); const value = object[key]; return typeof value === 'function' ? value.bind(object) : value; } });
    class Sly extends Request { get url() { found.push(this); return 'http://127.0.0.1/'; } get headers() { found.push(this); return globalThis; } get body() { return env; } get method() { return { toString() { found.push(this); return 'GET'; } }; } }
    for (const input of [new Sly('https://granted.example/'), seen(new Request('https://granted.example/')), seen({}), { toString() { found.push(this); return payload.canary; } }, env, null, Symbol('s')]) { await getLater(() => fetch(input)); await getLater(() => fetch(input, seen({ method: 'POST', body: 'x' }))); await getLater(() => env.API.fetch(input)); }
    return escaped();`,
  ],
  [
    'takes keys and what they make apart',
    `const key = await getLater(() => crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])); const pair = await getLater(() => crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']));
    await getLater(() => crypto.subtle.sign('HMAC', key, new Uint8Array(3))); await getLater(() => crypto.subtle.exportKey('raw', key)); await getLater(() => crypto.subtle.exportKey('jwk', pair.privateKey)); await getLater(() => crypto.subtle.digest('SHA-256', new Uint8Array(9)));
    for (const args of [[{ name: 'HMAC', hash: globalThis }, key], [new Proxy({}, {}), env], [{ get name() { found.push(this); return 'AES-GCM'; } }, Object.create(CryptoKey.prototype)]]) await getLater(() => crypto.subtle.sign(args[0], args[1], new Uint8Array(3)));
    for (const method of ['digest', 'sign', 'importKey']) await getLater(() => crypto.subtle[method].call(env, 'x', {}, {})); get(() => new CryptoKey()); return escaped();`,
  ],
  [
    'listens to errors and rejections that nobody handles',
    `globalThis.onerror = (...args) => { found.push(...args); }; for (const type of ['error', 'unhandledrejection', 'rejectionhandled', 'message', 'abort']) addEventListener(type, function (event) { found.push(this, event, event.error, event.reason, event.promise); });
    reportError(new Error('x')); Promise.reject(new Error('y')); setTimeout(() => { throw new Error('z'); }, 0); queueMicrotask(() => { throw null; }); dispatchEvent(new Event('error')); await new Promise((resolve) => setTimeout(resolve, 20)); return escaped();`,
  ],
  [
    'posts odd things by message ports',
    `const { port1, port2 } = new MessageChannel(); port2.onmessage = (event) => { found.push(event, event.data, event.ports, event.source); };
    for (const value of [1, cyclic(), () => 1, env, globalThis, new Proxy({}, {}), port1, new Error('x'), new Uint8Array(4), new Map([[1, env]])]) { get(() => port1.postMessage(value)); get(() => port1.postMessage(value, [value])); } await new Promise((resolve) => setTimeout(resolve, 20)); return escaped();
    function cyclic() { const a = {}; a.a = a; return a; }`,
  ],
  [
    'builds streams of hostile parts',
    `const spy = (name) => (...args) => { found.push(name, ...args); }; const source = { start: spy('start'), pull: spy('pull'), cancel: spy('cancel'), get type() { found.push(this); return undefined; } };
    get(() => new ReadableStream(source, { size: spy('size'), get highWaterMark() { found.push(this); return 1; } })); get(() => new WritableStream({ write: spy('write'), close: spy('close'), abort: spy('abort') }).getWriter().write('x')); get(() => new TransformStream({ transform: spy('transform') }));
    const stream = new ReadableStream({ start(controller) { found.push(controller); controller.enqueue(env); controller.close(); } }); await getLater(() => stream.pipeTo(new WritableStream({ write: spy('piped') }))); await getLater(() => new Response(new ReadableStream({ start(c) { c.enqueue({}); c.close(); } })).text());
    for (const Type of [ReadableStreamDefaultController, ReadableStreamDefaultReader, WritableStreamDefaultWriter, ReadableByteStreamController]) get(() => Reflect.construct(Type, [env])); return escaped();`,
  ],
  [
    'replaces what the web APIs stand on, then uses them',
    `for (const [owner, keys] of [[WeakMap.prototype, ['get', 'set', 'has']], [Map.prototype, ['get', 'set']], [Promise.prototype, ['then']], [Array.prototype, ['push', 'map']], [Uint8Array.prototype.__proto__, ['set', 'subarray']], [String.prototype, ['toLowerCase', 'split']], [RegExp.prototype, ['exec', 'test']], [Reflect, ['apply', 'get']]])
      for (const key of keys) { const old = owner[key]; owner[key] = function (...args) { if (found.length < 20000) { found[found.length] = this; for (let n = 0; n < args.length; n++) found[found.length] = args[n]; } return apply(old, this, args); }; }
    const { apply } = Reflect.__proto__ === 1 ? {} : { apply: Function.prototype.call.bind(Function.prototype.apply) };
    await getLater(() => new Response('x', { headers: { A: 'b' } }).text()); await getLater(() => fetch('https://granted.example/')); await getLater(() => crypto.subtle.digest('SHA-1', new Uint8Array(3))); get(() => structuredClone({ a: 1 })); get(() => new URL('https://a.example/b?c').href); get(() => console.log({ a: [1] })); return escaped();`,
  ],
];

/** What is asked of the network beyond the grant; a server on the loopback address counts what gets there. */
const forbiddenUrls = `[payload.canary, payload.canary.replace('127.0.0.1', 'localhost'), payload.canary.replace('127.0.0.1', '[::1]'), payload.canary.replace('127.0.0.1', '0x7f.1'), payload.canary.replace('127.0.0.1', '2130706433'), payload.canary.replace('127.0.0.1', '0.0.0.0'), payload.canary.replace('127.0.0.1', '[::ffff:127.0.0.1]'),
  payload.canary.replace('http://', 'https://granted.example@'), payload.canary.replace('http://', 'http://granted.example:443@'), 'https://granted.example.evil.example/', 'https://granted.example:8443/', 'http://granted.example/', 'https://GRANTED.example./', 'http://169.254.169.254/latest/meta-data', 'http://10.0.0.1/', 'file:///etc/passwd', 'data:text/plain,x', 'blob:null/x', 'unix:/run/x', 'ws://granted.example/', '//granted.example', 'https:granted.example\\\\@127.0.0.1/']`;
const fetches: readonly HostileProgram[] = [
  {
    name: 'fetches what it was not granted',
    code: `const all = await Promise.allSettled(${forbiddenUrls}.flatMap((url) => [fetch(url), env.API.fetch(url), fetch(new Request('https://granted.example/', { headers: { host: new URL(payload.canary).host } }), { method: 'CONNECT' })])); return all.map(({ status }) => status).filter((status) => status !== 'rejected');`,
    manifest: { bindings: { API: { fetch: ['https://granted.example'] } } },
    expected: { returns: [] },
  },
  {
    name: 'fetches without a grant',
    code: `const codes = []; for (const url of [payload.canary, 'https://example.com/']) await fetch(url).catch((error) => codes.push(error.code)); return codes;`,
    expected: { returns: ['denied', 'denied'] },
  },
  {
    name: 'fetches without a grant and does not catch it',
    code: `await fetch('https://example.com/');`,
    expected: { codes: ['denied'] },
  },
  {
    name: 'fetches a million times',
    code: `let refused = 0; const all = []; for (let n = 0; n < 1e6; n++) all.push(fetch('https://granted.example/' + n).catch(() => refused++)); await Promise.all(all); return refused;`,
    manifest: {
      bindings: { API: { fetch: ['https://granted.example'] } },
      limits: { cpu: '1s', timeout: '10s' },
    },
    expected: { codes: ['cpu', 'memory', 'timeout'] },
  },
  {
    name: 'calls itself and others for ever',
    code: `return env.SELF.invoke(1).then(() => 'called', (error) => error.code);`,
    manifest: { bindings: { SELF: { invoke: 'hostile' } } },
    expected: { returns: 'callFailed' },
  },
  {
    name: 'looks for secrets that are not its own',
    code: `return [Object.keys(env), env.KEY, Object.keys(process.env), process.env.PATH, env.OTHER];`,
    manifest: { bindings: { KEY: { secret: 'own' } } },
    expected: { returns: [['KEY'], 'value of own', ['KEY'], null, null] },
  },
];

const stops: Expected = { codes: ['cpu', 'timeout', 'memory', 'threw'] };
/** The same of what does little at a time, however often. */
const stopsLate: Expected = { codes: ['timeout', 'cpu', 'memory', 'threw'] };
const threw: Expected = { codes: ['threw'] };

/** A function that wears the web APIs out. */
const excesses: readonly (readonly [name: string, code: string, expected?: Expected])[] = [
  [
    'reads a stream that never ends',
    `return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })).text();`,
  ],
  [
    'reads a stream of nothing that never ends',
    `for await (const chunk of new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(0)); } }));`,
  ],
  [
    'splits a stream that never ends',
    `const [a, b] = new ReadableStream({ pull(c) { c.enqueue('x'.repeat(10000)); } }).tee(); for await (const chunk of a);`,
  ],
  [
    'pipes in a circle',
    `const t = new TransformStream(); t.writable.getWriter().write('x'); await t.readable.pipeThrough(new TransformStream({ transform(chunk, c) { for (;;) c.enqueue(chunk); } })).pipeTo(new WritableStream());`,
  ],
  [
    'waits for a stream that never gives',
    `return new Response(new ReadableStream({})).text();`,
    { codes: ['timeout'] },
  ],
  [
    'unpacks a bomb',
    `const zeros = new Uint8Array(1 << 20); const packed = new Response(new Blob(Array.from({ length: 200 }, () => zeros)).stream().pipeThrough(new CompressionStream('gzip'))); return (await new Response(packed.body.pipeThrough(new DecompressionStream('gzip'))).text()).length;`,
  ],
  [
    'doubles a blob',
    `let b = new Blob(['x'.repeat(1 << 20)]); for (let n = 0; n < 30; n++) b = new Blob([b, b]); return (await b.text()).length;`,
  ],
  [
    'makes a million signals',
    `const all = []; for (let n = 0; n < 1e6; n++) all.push(new AbortController().signal); return AbortSignal.any(all).aborted;`,
  ],
  [
    'makes signals in a chain',
    `let s = new AbortController(); const first = s; for (let n = 0; n < 20000; n++) { const next = new AbortController(); s.signal.addEventListener('abort', () => next.abort()); s = next; } first.abort(); return 1;`,
    { codes: ['threw', 'cpu', 'timeout', 'memory'] },
  ],
  ['lets signals time out by the million', `for (let n = 0; n < 1e6; n++) AbortSignal.timeout(1e6);`],
  [
    'aborts what aborts',
    `const c = new AbortController(); c.signal.onabort = () => { for (;;) c.abort(); }; c.abort();`,
  ],
  ['parses URLs of megabytes', `for (;;) new URL('http://x.example/' + 'a/../'.repeat(1 << 20));`],
  ['parses queries of a million pairs', `for (;;) [...new URLSearchParams('a=b&'.repeat(1e6))].sort();`],
  [
    'matches patterns that backtrack',
    `return new URLPattern({ pathname: '/((?:a+)+)b' }).test('https://x.example/' + 'a'.repeat(60) + 'c');`,
  ],
  [
    'makes a million headers',
    `const h = new Headers(); for (let n = 0; ; n++) h.append('name-' + n, 'v'.repeat(100));`,
  ],
  [
    'parses forms of a million parts',
    `for (;;) await new Response(('--b\\r\\nContent-Disposition: form-data; name="x"\\r\\n\\r\\n1\\r\\n').repeat(200000) + '--b--', { headers: { 'content-type': 'multipart/form-data; boundary=b' } }).formData();`,
  ],
  [
    'dispatches events in events',
    `const t = new EventTarget(); t.addEventListener('x', () => t.dispatchEvent(new Event('x'))); t.dispatchEvent(new Event('x')); for (;;) t.dispatchEvent(new Event('x'));`,
  ],
  [
    'plays ping-pong by message ports',
    `const { port1, port2 } = new MessageChannel(); port1.onmessage = () => port1.postMessage(1); port2.onmessage = () => port2.postMessage(1); port1.postMessage(1); return new Promise(() => {});`,
    stopsLate,
  ],
  [
    'clones the deepest value',
    `let v = 0; for (let n = 0; n < 200000; n++) v = [v]; structuredClone(v); throw new Error('cloned');`,
    { codes: ['threw', 'memory'] },
  ],
  [
    'logs what never ends',
    `const deep = () => new Proxy({}, { ownKeys: () => ['a', 'b'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: deep }); for (;;) console.log(deep(), new Map([[deep(), deep()]]));`,
  ],
  ['reports errors without end', `for (;;) reportError(new Error('x'));`],
  [
    'rejects without end',
    `addEventListener('unhandledrejection', () => { Promise.reject(1); Promise.reject(2); }); Promise.reject(0); return new Promise(() => {});`,
    stopsLate,
  ],
  ['hashes without end', `for (;;) await crypto.subtle.digest('SHA-512', new Uint8Array(1 << 20));`],
  [
    'hashes a thousand things at once',
    `await Promise.all(Array.from({ length: 1000 }, () => crypto.subtle.digest('SHA-512', new Uint8Array(1 << 18)))); for (;;);`,
  ],
  [
    'derives keys by 2^31 iterations',
    `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); return crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 2 ** 31 - 1 }, key, 256);`,
    threw,
  ],
  [
    'derives keys by all iterations it may',
    `const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']); for (;;) await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 1e6 }, key, 256);`,
  ],
  [
    'generates huge keys',
    `return crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 65536, publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign', 'verify']);`,
    threw,
  ],
  [
    'generates keys of strange exponents',
    `for (const exponent of [[0], [1], [2], [4], [255, 255, 255, 255, 255, 255, 255, 255, 255], [1, 0, 0]]) await crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 512, publicExponent: new Uint8Array(exponent) }, true, ['sign', 'verify']).catch(() => 0); throw new Error('done');`,
  ],
  [
    'encrypts hundreds of megabytes',
    `const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt']); for (;;) await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, key, new Uint8Array(1 << 28));`,
  ],
  ['decodes the longest base64', `for (;;) atob(btoa('x'.repeat(1 << 22)));`],
];

const overHttp: readonly HostileProgram[] = [
  [
    'a stream that never ends',
    `new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } }))`,
    { codes: ['resultTooLarge', 'cpu', 'memory', 'timeout'] },
  ],
  ['a stream that never gives', `new Response(new ReadableStream({}))`, { codes: ['timeout'] }],
  [
    'a million headers',
    `new Response('x', { headers: Array.from({ length: 1e5 }, (_, n) => ['x-' + n, 'v']) })`,
    { codes: ['threw', 'resultTooLarge', 'cpu', 'memory', 'timeout'] },
  ],
  [
    'something that only looks like a response',
    `({ status: 200, headers: new Headers(), body: 'x', __proto__: Response.prototype })`,
    threw,
  ],
  [
    'a response with getters',
    `new (class extends Response { get status() { return 9999; } get headers() { return { *[Symbol.iterator]() { for (;;) yield ['a', 'b']; } }; } get body() { return globalThis; } })('x')`,
    { codes: ['threw', 'cpu', 'timeout', 'memory', 'hostLost'] },
  ],
  ['nothing', `undefined`, threw],
].map(([name, response, expected]) => ({
  name: `answers a request by ${name as string}`,
  code: `export default { fetch(request, env, ctx) { return ${response as string}; } };`,
  event: request,
  manifest: { limits: isStoppedByClock(expected as Expected) ? brief : tight },
  expected: expected as Expected,
}));

export const web: readonly HostileProgram[] = [
  ...attempts.map(([name, code]) => ({
    name,
    code,
    manifest: { bindings: { ...bindings, API: { fetch: ['https://granted.example'] } } },
    expected: { returns: [] },
  })),
  ...fetches,
  ...excesses.map(([name, code, expected = stops]) => ({
    name,
    code,
    expected,
    manifest: { bindings, limits: { ...(isStoppedByClock(expected) ? brief : tight), cpu: '500ms' } },
  })),
  ...overHttp,
];
