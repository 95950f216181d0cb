import { startName } from './inside/start-name.ts';
import { limits } from './protocol.ts';

const setup = { name: 'warm-up', memoryMb: 8, bindings: {}, secrets: {}, limits };
const event = { event: { kind: 'invoke' }, label: 'warm-up', timeoutMs: 1000 };

/**
 * Runs once, in a context that is thrown away, while the snapshot is made: what it calls is in the snapshot as bytecode, and costs an
 * isolate no compiling. That is a start, and an invocation that does nothing. V8 adds WebAssembly to contexts later, so it is made up.
 */
export const warmUpScript = `'use strict';
globalThis.WebAssembly ??= { Memory: class { get buffer() {} }, Module: class {}, Instance: class {} };
const { load, enter } = globalThis.${startName}(() => {}, () => '', ${JSON.stringify(JSON.stringify(setup))});
load({ default: { invoke() {} } });
enter('invoke', 1, 0, ${JSON.stringify(JSON.stringify(event))}, new Uint8Array(0));`;
