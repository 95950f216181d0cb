import type { Template } from './template.ts';

const index = `import type { FunctionModule } from 'holdfast/sdk';
import wasm from './add.wasm';

const { add } = new WebAssembly.Instance(wasm).exports as { add: (a: number, b: number) => number };

export default {
  /** holdfast invoke NAME --payload '[20, 22]' */
  invoke(payload) {
    const [a, b] = payload as [number, number];
    return add(a, b);
  },
} satisfies FunctionModule;
`;

const test = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestEnvironment } from 'holdfast/testing';

const project = { entry: \`\${import.meta.dirname}/index.ts\`, machine: \`\${import.meta.dirname}/machine.yaml\` };

test('two numbers are added by WebAssembly', async () => {
  await using device = await createTestEnvironment(project);
  assert.equal(await device.invoke([20, 22]), 42);
});
`;

const text = `;; The source of add.wasm, as \`wat2wasm add.wat\` of WABT takes it.
(module
  (func (export "add") (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.add))
`;

/** The bytes of `text`. */
const addWasm = '0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b';

const manifest = `    limits: { memory: 32MiB, cpu: 50ms, timeout: 5s }
`;

/** Code in WebAssembly. */
export const wasmTemplate: Template = {
  summary: 'a module that calls WebAssembly',
  dependencies: {},
  manifest,
  files: {
    'index.ts': index,
    'index.test.ts': test,
    'add.wat': text,
    'add.wasm': Buffer.from(addWasm, 'hex'),
  },
};
