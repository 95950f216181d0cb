import type { FunctionErrorCode } from '../../../functions/function-error.ts';
import { bindings, brief, isStoppedByClock, tight, type HostileProgram } from './program.ts';

/** What a machine so busy that the function got no CPU time gives instead of `cpu`. */
const stopped: readonly FunctionErrorCode[] = ['cpu', 'timeout'];

/** A function that does not come to an end by itself. */
const hanging: readonly (readonly [name: string, code: string, codes?: readonly FunctionErrorCode[]])[] = [
  ['loops', `for (;;);`],
  ['loops in microtasks', `const again = () => Promise.resolve().then(again); return again();`],
  ['loops in awaits', `for (;;) await null;`],
  ['loops in a timer', `return new Promise(() => setTimeout(() => { for (;;); }, 1));`],
  ['loops in a regular expression', `return /^(a+)+$/.test('a'.repeat(60) + 'b');`],
  ['loops in a regular expression of two loops', `return /^(x+x+)+y/.test('x'.repeat(60) + 'z');`],
  ['loops in replace', `return 'a'.repeat(40).replace(/(a|a)*b/g, () => '');`],
  ['loops in a getter of its result', `return { get x() { for (;;); } };`],
  ['loops in toJSON', `return { toJSON() { for (;;); } };`],
  ['loops in a thenable', `return { then() { for (;;); } };`],
  ['loops in a proxy', `return new Proxy({}, { ownKeys() { for (;;); } });`],
  ['loops in a comparison', `return [3, 2, 1].sort(() => { for (;;); });`],
  ['loops in the message of its error', `throw { get message() { for (;;); } };`],
  ['loops in toJSON of its error', `throw { toJSON() { for (;;); } };`],
  ['loops in what a binding is given', `await env.OUT.publish({ toJSON() { for (;;); } });`],
  ['loops in the options of a binding', `await env.OUT.publish('x', { get topic() { for (;;); } });`],
  ['loops in waitUntil', `ctx.waitUntil({ then() { for (;;); } }); return 1;`],
  ['loops in a log line', `console.log({ get x() { for (;;); }, toJSON() { for (;;); } }); for (;;);`],
  ['loops in a stack trace', `Error.prepareStackTrace = () => { for (;;); }; null.x;`],
  ['loops in an iterator', `return new Map({ *[Symbol.iterator]() { for (;;) yield [1, 2]; } });`],
  [
    'loops in a generator that finally goes on',
    `function* f() { try { yield 1; } finally { for (;;); } } for (const x of f()) break;`,
  ],
  ['loops in an async generator', `async function* f() { for (;;) yield 1; } for await (const x of f());`],
  ['loops in catch', `const again = () => { try { again(); } catch { again(); } }; for (;;) again();`],
  ['searches a list of 2^53 places', `return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);`],
  [
    'joins a list of 2^32 places',
    `return Array.prototype.includes.call(new Proxy([], { get: (t, key) => (key === 'length' ? 2 ** 32 : 0) }), 1);`,
  ],
  ['multiplies ever larger integers', `let n = 3n; for (;;) n = n * n % (2n ** 20000n) + 3n;`],
  ['compiles ever more code', `for (let n = 0; ; n++) new Function('return ' + '1+'.repeat(1000) + n)();`],
  ['parses ever more JSON', `for (;;) JSON.parse('[' + '1,'.repeat(100000) + '1]');`],
  [
    'sorts by locale for ever',
    `const words = Array.from({ length: 5000 }, (_, n) => String(n * 7919 % 5000)); for (;;) words.sort((a, b) => a.localeCompare(b, 'sv'));`,
  ],
  [
    'loops in WebAssembly',
    `new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0, 1,4,1,96,0,0, 3,2,1,0, 7,5,1,1,102,0,0, 10,9,1,7,0,3,64,12,0,11,11]))).exports.f();`,
  ],
  ['asks its store for ever', `for (;;) await env.KV.get('k').catch(() => 0);`],
  ['never settles', `return new Promise(() => {});`, ['timeout']],
  [
    'sleeps in a chain of timers',
    `const again = () => setTimeout(again, 1); again(); return new Promise(() => {});`,
    // A thousand timers a second are work too.
    ['timeout', 'cpu'],
  ],
  ['waits for what never settles', `ctx.waitUntil(new Promise(() => {})); return 1;`, ['timeout']],
  ['waits by Atomics', `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`, ['threw']],
  [
    'waits for the collector',
    `await new Promise((resolve) => new FinalizationRegistry(resolve).register({}));`,
    ['threw'],
  ],
  [
    'raises a big integer to a huge power',
    `return String(7n ** (2n ** 40n)).length;`,
    ['threw', 'cpu', 'timeout', 'memory'],
  ],
  [
    'pads to the longest string',
    `let s = 'x'; for (;;) s = s.padEnd(2 ** 29, 'ab').slice(1).replaceAll('a', 'b');`,
    ['cpu', 'timeout', 'memory', 'threw'],
  ],
];

const inHandler: readonly HostileProgram[] = hanging.map(([name, code, codes = stopped]) => ({
  name,
  code,
  manifest: { bindings, limits: isStoppedByClock({ codes }) ? brief : tight },
  expected: { codes },
}));

const elsewhere: readonly HostileProgram[] = [
  {
    // It has answered; what is left is its isolate, which goes.
    name: 'loops in microtasks after it has answered',
    code: `const again = () => queueMicrotask(again); again();`,
    manifest: { limits: tight },
    expected: { returns: undefined },
  },
  {
    name: 'loops while it is loaded',
    code: `for (;;); export default { invoke() {} };`,
    manifest: { limits: tight },
    expected: { refused: 'cpu' },
  },
  {
    name: 'loops in a getter of what it exports',
    code: `export default { get invoke() { for (;;); } };`,
    manifest: { limits: tight },
    expected: { refused: 'cpu' },
  },
];

export const hangs: readonly HostileProgram[] = [...inHandler, ...elsewhere];
