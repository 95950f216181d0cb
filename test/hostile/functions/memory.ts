import { bindings, type Expected, type HostileProgram } from './program.ts';

/**
 * V8 ends the isolate (`memory`), refuses the one allocation (`threw`), or the process ends: then the only one inside is known
 * (`memory`), or, when a neighbour was inside too, has to be found out (`hostLost`).
 */
const dies: Expected = { codes: ['memory', 'threw', 'hostLost'] };
/** The collector works harder and harder before V8 gives up. */
const diesSlowly: Expected = { codes: ['memory', 'threw', 'hostLost', 'cpu'] };
/** So much work for so little memory that the time is over before: how much time, is the same to it. */
const worksFirst: Expected = { codes: ['cpu', 'memory', 'threw', 'hostLost'] };
const refusedByTheLanguage: Expected = { codes: ['threw'] };

/** A function that takes more memory than it may have. */
const hungry: readonly (readonly [name: string, code: string, expected?: Expected])[] = [
  ['fills arrays', `const a = []; for (;;) a.push(new Array(10000).fill(1.5));`],
  ['fills buffers', `const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));`],
  ['asks for one huge buffer', `return new Uint8Array(1 << 30).fill(1).length;`],
  [
    'grows a resizable buffer',
    `const b = new ArrayBuffer(8, { maxByteLength: 2 ** 31 }); for (let n = 1; ; n++) { b.resize(n << 20); new Uint8Array(b).fill(1); }`,
    diesSlowly,
  ],
  [
    'copies buffers by transfer',
    `const a = []; for (;;) a.push(new ArrayBuffer(8).transfer(1 << 22)), new Uint8Array(a.at(-1)).fill(1);`,
  ],
  ['fills a map', `const m = new Map(); for (let n = 0; ; n++) m.set(n, { n, text: 'x'.repeat(n % 100) });`],
  [
    'fills a set of strings',
    `const s = new Set(); for (let n = 0; ; n++) s.add('key ' + n + Math.random());`,
    diesSlowly,
  ],
  [
    'fills a weak map with living keys',
    `const m = new WeakMap(), keys = []; for (;;) { const k = {}; keys.push(k); m.set(k, new Array(100).fill(0)); }`,
  ],
  ['splits a string', `return 'a,'.repeat(1 << 24).split(',').length;`, diesSlowly],
  ['parses JSON', `return JSON.parse('[' + '[1,2,3],'.repeat(1 << 21) + '0]').length;`, worksFirst],
  [
    'doubles a string',
    `let s = 'x'; const a = []; for (;;) { s += s + Math.random(); a.push(s.split('')); }`,
  ],
  [
    'repeats the longest string',
    `const a = []; for (;;) a.push(('x' + a.length).repeat(2 ** 26).replace('x', 'y'));`,
  ],
  ['joins the longest string', `return new Array(2 ** 27).join('abcd').length;`],
  ['collects all matches', `return [...'x'.repeat(1 << 23).matchAll(/x/g)].length;`],
  ['grows a big integer', `let n = 3n; for (;;) n = n * n;`, worksFirst],
  [
    'spreads an endless generator',
    `function* f() { for (let n = 0; ; n++) yield { n }; } return [...f()].length;`,
  ],
  ['piles up promises', `const a = []; for (;;) a.push(new Promise(() => {}).then(() => a));`],
  ['piles up microtasks', `for (;;) queueMicrotask(() => 0);`],
  [
    'piles up closures',
    `let f = () => 0; for (;;) { const g = f, big = new Array(100).fill(1); f = () => g() + big.length; }`,
  ],
  [
    'piles up code',
    `const a = []; for (let n = 0; ; n++) a.push(new Function('x', 'return ' + '{a:1},'.repeat(500) + n));`,
  ],
  ['piles up symbols', `const o = {}; for (let n = 0; ; n++) o[Symbol('s' + n)] = n;`],
  [
    'piles up errors',
    `const a = []; Error.stackTraceLimit = 200; const f = (n) => (n > 0 ? f(n - 1) : new Error('x'.repeat(100))); for (;;) a.push(f(150));`,
  ],
  [
    'grows while it is written',
    `const a = []; return { toJSON() { for (;;) a.push(new Array(1000).fill({})); } };`,
    diesSlowly,
  ],
  [
    'grows in the message of its error',
    `throw { get message() { let s = []; for (;;) s.push('x'.repeat(1000) + s.length); } };`,
  ],
  [
    'grows in what it publishes',
    `await env.OUT.publish({ toJSON() { const a = []; for (;;) a.push(new Array(1000).fill(0)); } });`,
  ],
  [
    'keeps what it logs',
    `const a = []; for (let n = 0; ; n++) { console.log('x'.repeat(4000)); a.push('y'.repeat(4000) + n); }`,
  ],
  ['clones what it has', `const a = [new Array(10000).fill('x')]; for (;;) a.push(structuredClone(a));`],
  ['clones buffers', `const b = new Uint8Array(1 << 20), a = []; for (;;) a.push(structuredClone(b));`],
  [
    'asks for random bytes for ever',
    `const a = []; for (;;) a.push(crypto.getRandomValues(new Uint8Array(65536)));`,
  ],
  [
    'encodes the longest text',
    `const a = []; for (;;) a.push(new TextEncoder().encode('€'.repeat(1 << 20)));`,
  ],
  [
    'grows memories of WebAssembly',
    `const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 256 }); new Uint8Array(m.buffer).fill(1); a.push(m); }`,
  ],
  [
    'grows one memory of WebAssembly',
    `const m = new WebAssembly.Memory({ initial: 1 }); for (;;) { m.grow(16); new Uint8Array(m.buffer).fill(1); }`,
    refusedByTheLanguage,
  ],
  [
    'grows tables of WebAssembly',
    `const a = []; for (;;) { const t = new WebAssembly.Table({ initial: 1000000, element: 'externref' }); a.push(t); }`,
  ],
  ['shares memory', `return new SharedArrayBuffer(1 << 30).byteLength;`, refusedByTheLanguage],
  ['recurses', `const f = () => f() + 1; return f();`, refusedByTheLanguage],
  [
    'recurses through a proxy',
    `const p = new Proxy({}, { get: (t, k, r) => r[k] }); return p.x;`,
    refusedByTheLanguage,
  ],
  [
    'recurses in toJSON',
    `const o = { toJSON() { return { o: { toJSON: o.toJSON } }; } }; return o;`,
    refusedByTheLanguage,
  ],
  [
    'recurses in a regular expression',
    `return new RegExp('('.repeat(100000) + ')'.repeat(100000)).test('');`,
    refusedByTheLanguage,
  ],
  [
    'recurses in source text',
    `return (0, eval)('['.repeat(200000) + ']'.repeat(200000)).length;`,
    refusedByTheLanguage,
  ],
  [
    'parses deep JSON',
    `return JSON.stringify(JSON.parse('['.repeat(200000) + ']'.repeat(200000))).length;`,
    { returns: 400_000 },
  ],
  [
    'answers with the deepest value',
    `let v = 0; for (let n = 0; n < 200000; n++) v = [v]; return v;`,
    { codes: ['resultTooLarge'] },
  ],
  [
    'answers with 512 MiB',
    `return 'x'.repeat(2 ** 29 - 100);`,
    { codes: ['resultTooLarge', 'memory', 'threw', 'hostLost'] },
  ],
];

/** Time enough for what ends by its memory. */
const cpuOf = (expected: Expected): string => (expected === worksFirst ? '1s' : '5s');

export const memory: readonly HostileProgram[] = hungry.map(([name, code, expected = dies]) => ({
  name,
  code,
  expected,
  manifest: { bindings, limits: { memory: '16MiB', cpu: cpuOf(expected), timeout: '20s' } },
}));
