import { encodeEntry } from './entry.ts';
import { startName } from './inside/start-name.ts';
import { limits } from './protocol.ts';

const setup = { name: 'warm-up', memoryMb: 8, bindings: {}, secrets: {}, limits };
const header = { event: { kind: 'invoke' }, label: 'warm-up', timeoutMs: 1000 };
const { heads, texts } = encodeEntry([
  { op: 'invoke', invocation: 1, json: JSON.stringify(header), payload: Buffer.from('0'), binary: false },
]);

/**
 * Runs once, in a context that is thrown away, while the snapshot is made: what it calls is in the snapshot as bytecode, and costs an
 * isolate no compiling. That is a start, and an invocation that does nothing. V8 adds WebAssembly to contexts later, so it is made up.
 */
export const warmUpScript = `'use strict';
globalThis.WebAssembly ??= { Memory: class { get buffer() {} }, Module: class {}, Instance: class {} };
const { load, enter } = globalThis.${startName}(() => {}, () => {}, () => '', ${JSON.stringify(JSON.stringify(setup))});
load({ default: { invoke() {} } });
enter(${JSON.stringify(heads)}, ${JSON.stringify(texts)}, undefined, false);`;
