import type { Api } from '../api.ts';

const standard = 'WebAssembly JavaScript Interface';
/** Exports `add(i32, i32)` and a memory `m` of one page. */
const adder = `bytes(0,97,115,109,1,0,0,0,1,7,1,96,2,127,127,1,127,3,2,1,0,5,3,1,0,1,7,11,2,3,97,100,100,0,0,1,109,2,0,10,9,1,7,0,32,0,32,1,106,11)`;
const response = `new Response(${adder}, { headers: { 'content-type': 'application/wasm' } })`;
const there = (name: string) => ({ 'is there': `typeof WebAssembly.${name} === 'function'` });

export const webAssembly: readonly Api[] = [
  {
    name: 'WebAssembly.Module',
    standard,
    checks: {
      compiles: `new WebAssembly.Module(${adder}) instanceof WebAssembly.Module`,
      'tells its exports': `same(WebAssembly.Module.exports(new WebAssembly.Module(${adder})).map(({ name }) => name), ['add', 'm'])`,
      'refuses nonsense': `throws(() => new WebAssembly.Module(bytes(1, 2, 3)), 'CompileError')`,
    },
  },
  {
    name: 'WebAssembly.Instance',
    standard,
    checks: { runs: `new WebAssembly.Instance(new WebAssembly.Module(${adder})).exports.add(2, 3) === 5` },
  },
  {
    name: 'WebAssembly.Memory',
    standard,
    deviation: 'Not shared; at most 32 MiB.',
    checks: {
      grows: `(() => { const m = new WebAssembly.Memory({ initial: 1, maximum: 2 }); m.grow(1); return m.buffer.byteLength === 131072; })()`,
      'is not shared': `throws(() => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }), 'TypeError')`,
      'is exported': `new WebAssembly.Instance(new WebAssembly.Module(${adder})).exports.m.buffer.byteLength === 65536`,
    },
  },
  {
    name: 'WebAssembly.Table',
    standard,
    checks: { 'holds functions': `new WebAssembly.Table({ element: 'anyfunc', initial: 2 }).length === 2` },
  },
  {
    name: 'WebAssembly.Global',
    standard,
    checks: {
      'holds a value': `(() => { const g = new WebAssembly.Global({ value: 'i32', mutable: true }, 4); g.value = 5; return g.value === 5; })()`,
    },
  },
  { name: 'WebAssembly.Tag', standard, checks: there('Tag') },
  { name: 'WebAssembly.Exception', standard, checks: there('Exception') },
  { name: 'WebAssembly.CompileError', standard, checks: there('CompileError') },
  {
    name: 'WebAssembly.LinkError',
    standard,
    checks: {
      'tells of a missing import': `throws(() => new WebAssembly.Instance(new WebAssembly.Module(bytes(0,97,115,109,1,0,0,0,1,4,1,96,0,0,2,7,1,1,97,1,98,0,0)), { a: {} }), 'LinkError')`,
    },
  },
  {
    name: 'WebAssembly.RuntimeError',
    standard,
    checks: {
      'tells of a trap': `throws(() => new WebAssembly.Instance(new WebAssembly.Module(bytes(0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,116,0,0,10,5,1,3,0,0,11))).exports.t(), 'RuntimeError')`,
    },
  },
  {
    name: 'WebAssembly.JSTag',
    standard,
    checks: { 'is a tag': `WebAssembly.JSTag instanceof WebAssembly.Tag` },
  },
  {
    name: 'WebAssembly.compile()',
    standard,
    checks: {
      compiles: `(await WebAssembly.compile(${adder})) instanceof WebAssembly.Module`,
      'rejects nonsense': `await rejects(WebAssembly.compile(bytes(1)), 'CompileError')`,
    },
  },
  {
    name: 'WebAssembly.instantiate()',
    standard,
    checks: {
      'takes bytes': `(await WebAssembly.instantiate(${adder})).instance.exports.add(2, 3) === 5`,
      'takes a module': `(await WebAssembly.instantiate(new WebAssembly.Module(${adder}))).exports.add(2, 3) === 5`,
    },
  },
  {
    name: 'WebAssembly.validate()',
    standard,
    checks: { tells: `WebAssembly.validate(${adder}) && !WebAssembly.validate(bytes(1))` },
  },
  {
    name: 'WebAssembly.compileStreaming()',
    standard: 'WebAssembly Web API',
    deviation: 'Compiles once the body is there.',
    checks: {
      'compiles a response': `(await WebAssembly.compileStreaming(Promise.resolve(${response}))) instanceof WebAssembly.Module`,
      'refuses another type': `await rejects(WebAssembly.compileStreaming(new Response(${adder})), 'TypeError')`,
    },
  },
  {
    name: 'WebAssembly.instantiateStreaming()',
    standard: 'WebAssembly Web API',
    deviation: 'As compileStreaming().',
    checks: {
      'runs a response': `(await WebAssembly.instantiateStreaming(${response})).instance.exports.add(2, 3) === 5`,
    },
  },
];
