import type { Api } from '../api.ts';

const standard = 'HTML';
const clones = (value: string) => `same(structuredClone(${value}), ${value})`;

export const html: readonly Api[] = [
  {
    name: 'globalThis',
    standard: 'ECMAScript',
    deviation:
      'SharedArrayBuffer, Atomics and FinalizationRegistry are not there: they would serve side channels. The classes of streams and URLPattern are accessors until they are used.',
    checks: {
      'is the global object': `globalThis === Function('return this')()`,
      'has globals that are not enumerable and may be replaced': `(() => { const p = Object.getOwnPropertyDescriptor(globalThis, 'URL'); return p.writable && p.configurable && !p.enumerable; })()`,
      'has classes that become plain properties when they are used': `(() => { ReadableStream; const p = Object.getOwnPropertyDescriptor(globalThis, 'ReadableStream'); return p.value === ReadableStream && p.writable && p.configurable && !p.enumerable; })()`,
      'has classes that may be replaced before they are used': `(() => { globalThis.WritableStreamDefaultController = 1; const was = WritableStreamDefaultController; globalThis.WritableStreamDefaultController = was === 1 ? new WritableStream({ start(c) { globalThis.probe = c.constructor; } }) && globalThis.probe : was; return was === 1 && typeof WritableStreamDefaultController === 'function'; })()`,
      'has classes that show their names': `[AbortController, Blob, CryptoKey, Event, Headers, ReadableStream, TextDecoder, URL, WritableStream].every((type) => Object.prototype.toString.call(type.prototype) === '[object ' + type.name + ']')`,
    },
  },
  { name: 'self', standard, checks: { 'is the global object': `self === globalThis` } },
  {
    name: 'structuredClone()',
    standard,
    deviation: 'A proxy is cloned as what it looks like; streams and WebAssembly modules are refused.',
    checks: {
      'clones plain values': clones(`{ a: [1, 'b', null, true, { c: -0 }] }`),
      'keeps undefined and holes': `(() => { const c = structuredClone([undefined, , 1]); return c.length === 3 && 0 in c && !(1 in c); })()`,
      'clones big integers': `structuredClone(5n) === 5n`,
      'clones dates': `(() => { const d = new Date(5), c = structuredClone(d); return c !== d && c instanceof Date && c.getTime() === 5; })()`,
      'clones regular expressions': `(() => { const r = /a/gi; r.lastIndex = 3; const c = structuredClone(r); return c.source === 'a' && c.flags === 'gi' && c.lastIndex === 0; })()`,
      'clones maps and sets': `(() => { const c = structuredClone(new Map([[{ k: 1 }, new Set([1, 2])]])); const [[key, value]] = [...c]; return key.k === 1 && value instanceof Set && same([...value], [1, 2]); })()`,
      'clones boxed primitives': `(() => { const c = structuredClone(Object('x')); return typeof c === 'object' && c instanceof String && String(c) === 'x'; })()`,
      'clones errors': `(() => { const e = new RangeError('m', { cause: { a: 1 } }), c = structuredClone(e); return c instanceof RangeError && c.message === 'm' && c.stack === e.stack && c.cause.a === 1; })()`,
      'clones errors of other names as Error': `(() => { const e = new Error('m'); e.name = 'Own'; const c = structuredClone(e); return Object.getPrototypeOf(c) === Error.prototype; })()`,
      'clones DOM exceptions': `(() => { const c = structuredClone(new DOMException('m', 'AbortError')); return c instanceof DOMException && c.name === 'AbortError' && c.message === 'm'; })()`,
      'clones buffers and views': `(() => { const b = new ArrayBuffer(8); const v = { a: new Uint8Array(b, 2, 3), d: new DataView(b, 1) }; v.a[0] = 7; const c = structuredClone(v); return c.a.buffer === c.d.buffer && c.a.buffer !== b && c.a[0] === 7 && c.a.byteOffset === 2 && c.d.byteLength === 7; })()`,
      'keeps the kind of a view': `structuredClone(new Float64Array([1.5])) instanceof Float64Array && structuredClone(new BigInt64Array([5n]))[0] === 5n`,
      'clones blobs and files': `(async () => { const c = structuredClone(new File(['x'], 'n.txt', { lastModified: 5 })); return c instanceof File && c.name === 'n.txt' && c.lastModified === 5 && (await c.text()) === 'x'; })()`,
      'keeps cycles': `(() => { const a = { b: {} }; a.b.a = a; const c = structuredClone(a); return c !== a && c.b.a === c; })()`,
      'keeps what is the same the same': `(() => { const x = {}; const c = structuredClone([x, x]); return c[0] === c[1] && c[0] !== x; })()`,
      'drops prototypes and accessors': `(() => { class A { constructor() { this.x = 1; } get y() { return 2; } } const c = structuredClone(new A()); return Object.getPrototypeOf(c) === Object.prototype && same(c, { x: 1 }); })()`,
      'keeps a key named __proto__': `(() => { const c = structuredClone(JSON.parse('{"__proto__":1}')); return Object.hasOwn(c, '__proto__') && Object.getPrototypeOf(c) === Object.prototype; })()`,
      'refuses functions, symbols and promises': `[() => 1, Symbol('s'), Promise.resolve(), new WeakMap(), [].values()].every((value) => throws(() => structuredClone(value), 'DataCloneError'))`,
      'refuses objects of the platform': `[new URL('http://a'), new Headers(), new Event('x'), new ReadableStream(), new AbortController().signal].every((value) => throws(() => structuredClone(value), 'DataCloneError'))`,
      'refuses what WebAssembly and Intl make': `[new WebAssembly.Module(bytes(0, 97, 115, 109, 1, 0, 0, 0)), new WebAssembly.Memory({ initial: 0 }), new Intl.NumberFormat('en')].every((value) => throws(() => structuredClone({ value }), 'DataCloneError'))`,
      'transfers buffers': `(() => { const b = new ArrayBuffer(8); const c = structuredClone({ b, v: new Uint8Array(b) }, { transfer: [b] }); return b.byteLength === 0 && c.b.byteLength === 8 && c.v.buffer === c.b; })()`,
      'transfers views with their buffers': `(() => { const b = bytes(1, 2, 3, 4).buffer; const c = structuredClone([new Uint8Array(b, 1, 2), new DataView(b, 2), new Uint8Array(b)], { transfer: [b] }); return same([[...c[0]], c[1].getUint16(0), [...c[2]]], [[2, 3], 0x304, [1, 2, 3, 4]]) && c[0].buffer === c[1].buffer; })()`,
      'reads a value once when it transfers': `(() => { const b = new ArrayBuffer(8); let reads = 0; structuredClone({ get b() { reads++; return b; } }, { transfer: [b] }); return reads === 1; })()`,
      'detaches nothing when it fails': `(() => { const b = new ArrayBuffer(8); return throws(() => structuredClone([b, () => 1], { transfer: [b] }), 'DataCloneError') && b.byteLength === 8; })()`,
      'refuses what is not transferable': `throws(() => structuredClone(1, { transfer: [{}] }), 'DataCloneError')`,
    },
  },
  {
    name: 'queueMicrotask()',
    standard,
    checks: {
      'runs before timers and after the present': `(async () => { const seen = []; setTimeout(() => seen.push('timer'), 0); queueMicrotask(() => seen.push('micro')); seen.push('now'); await sleep(5); return same(seen, ['now', 'micro', 'timer']); })()`,
      'needs a function': `throws(() => queueMicrotask(1), 'TypeError')`,
    },
  },
  {
    name: 'setTimeout()',
    standard,
    deviation:
      'Only while an event is handled; at most 256 at a time; text is not run as code. They end with the invocation.',
    checks: {
      'waits, and passes arguments': `same(await new Promise((resolve) => setTimeout((...args) => resolve(args), 1, 'a', 2)), ['a', 2])`,
      'gives a number': `(() => { const id = setTimeout(() => 0, 1); clearTimeout(id); return typeof id === 'number' && id > 0; })()`,
      'keeps the order of delays': `(async () => { const seen = []; setTimeout(() => seen.push(2), 40); setTimeout(() => seen.push(1), 1); await sleep(80); return same(seen, [1, 2]); })()`,
    },
  },
  {
    name: 'clearTimeout()',
    standard,
    checks: {
      'stops a timer': `(async () => { let ran = false; clearTimeout(setTimeout(() => { ran = true; }, 1)); await sleep(10); return !ran; })()`,
      'takes anything': `clearTimeout() === undefined && clearTimeout(-1) === undefined && clearTimeout('x') === undefined`,
    },
  },
  {
    name: 'setInterval()',
    standard,
    deviation: 'As setTimeout(); not more often than once a millisecond.',
    checks: {
      repeats: `(async () => { let n = 0; const id = setInterval(() => { if (++n === 3) clearInterval(id); }, 1); while (n < 3) await sleep(1); return true; })()`,
    },
  },
  {
    name: 'clearInterval()',
    standard,
    checks: {
      'stops an interval': `(async () => { let n = 0; const id = setInterval(() => n++, 1); clearInterval(id); await sleep(10); return n === 0; })()`,
    },
  },
  {
    name: 'reportError()',
    standard,
    deviation: 'What no listener prevents is logged as an error; the invocation goes on.',
    checks: {
      'fires an error event': `(() => { let got; const listen = (e) => { got = e; e.preventDefault(); }; addEventListener('error', listen); const error = new Error('told'); reportError(error); removeEventListener('error', listen); return got instanceof ErrorEvent && got.error === error && got.message === 'Uncaught Error: told'; })()`,
      'needs a value': `throws(() => reportError(), 'TypeError')`,
    },
  },
  {
    name: 'onerror',
    standard,
    deviation: 'Called with the event; what a handler throws ends its invocation and is not reported here.',
    checks: {
      'is null at first': `onerror === null`,
      'is called for reported errors': `(() => { let got; globalThis.onerror = (e) => { got = e; return false; }; reportError(7); globalThis.onerror = null; return got !== undefined; })()`,
    },
  },
  {
    name: 'onunhandledrejection',
    standard,
    deviation: 'There, and never called: see PromiseRejectionEvent.',
    checks: { 'is null at first': `onunhandledrejection === null` },
  },
  {
    name: 'onrejectionhandled',
    standard,
    deviation: 'There, and never called: see PromiseRejectionEvent.',
    checks: { 'is null at first': `onrejectionhandled === null` },
  },
  {
    name: 'navigator.userAgent',
    standard,
    checks: {
      'names Holdfast and its version': `/^Holdfast\\/\\d+\\.\\d+\\.\\d+$/.test(navigator.userAgent)`,
    },
  },
  {
    name: 'Performance',
    standard: 'High Resolution Time',
    checks: {
      'hears events': `(() => { let n = 0; const f = () => n++; performance.addEventListener('x', f); performance.dispatchEvent(new Event('x')); performance.removeEventListener('x', f); return n === 1; })()`,
      'is an event target': `performance instanceof Performance && performance instanceof EventTarget`,
      'shows its origin': `performance.toJSON().timeOrigin === performance.timeOrigin`,
    },
  },
  {
    name: 'performance',
    standard: 'High Resolution Time',
    deviation:
      'In whole milliseconds: a finer clock would serve side channels. The origin is the start of the isolate.',
    checks: {
      'never runs backwards': `(() => { const a = performance.now(); return performance.now() >= a; })()`,
      'is coarse': `Number.isInteger(performance.now())`,
      'goes on': `(async () => { const a = performance.now(); await sleep(10); return performance.now() > a; })()`,
      'has an origin': `Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 1000`,
    },
  },
  {
    name: 'console',
    standard: 'Console',
    deviation:
      'A call is one line of the log of the device, at most 4,096 characters, 200 lines and 64 KiB an invocation. Objects are shown as JSON is, requests, responses, headers, forms and blobs by what they say; a table has a line for each row.',
    checks: {
      'has all methods': `['assert', 'clear', 'count', 'countReset', 'debug', 'dir', 'dirxml', 'error', 'group', 'groupCollapsed', 'groupEnd', 'info', 'log', 'table', 'time', 'timeEnd', 'timeLog', 'trace', 'warn'].every((name) => typeof console[name] === 'function')`,
      'works without this': `(() => { const { assert } = console; return assert(true) === undefined; })()`,
      'is a namespace': `Object.prototype.toString.call(console) === '[object console]'`,
    },
  },
];
