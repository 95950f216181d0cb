import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { functionSchema } from '../../manifests/function.ts';
import { bundleOf, openSandbox, type Sandbox } from '../support/function-sandbox.ts';

/** `add(i32, i32)`, and no more. */
const addWasm = Buffer.from(
  '0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b',
  'hex',
);

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

async function deploy(code: string, files: readonly ['wasm' | 'data', string, Uint8Array][]): Promise<void> {
  const bundle = { ...bundleOf(code), files: files.map(([type, name, bytes]) => ({ type, name, bytes })) };
  const spec = functionSchema.parse({
    bundle: `test/f@${bundle.digest}`,
    limits: { cpu: '10s', timeout: '30s' },
  });
  await sandbox.runtime.deploy({ name: 'files', bundle, spec });
}

test('an imported .wasm file is a WebAssembly.Module and a .bin file an ArrayBuffer of its bytes', async () => {
  const code = `import add from './1-add.wasm'; import data from './2-data.bin';
    const { exports } = new WebAssembly.Instance(add);
    export default { invoke: ([a, b]) => ({
      sum: exports.add(a, b),
      isModule: add instanceof WebAssembly.Module,
      isBuffer: data instanceof ArrayBuffer,
      data: [...new Uint8Array(data)],
      left: Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith('holdfast')),
    }) };`;
  await deploy(code, [
    ['wasm', './1-add.wasm', addWasm],
    ['data', './2-data.bin', Buffer.from([0, 255, 7])],
  ]);
  expect(await sandbox.invoke('files', [20, 22])).toEqual({
    sum: 42,
    isModule: true,
    isBuffer: true,
    data: [0, 255, 7],
    left: [],
  });
});

test('a new isolate, after the first had to be stopped, has its files again', async () => {
  const code = `import add from './1-add.wasm';
    const { exports } = new WebAssembly.Instance(add);
    export default { invoke: (n) => { while (n === 0); return exports.add(n, 1); } };`;
  const bundle = {
    ...bundleOf(code),
    files: [{ type: 'wasm', name: './1-add.wasm', bytes: addWasm }] as const,
  };
  const spec = functionSchema.parse({
    bundle: `test/f@${bundle.digest}`,
    limits: { cpu: '1s', timeout: '30s' },
  });
  await sandbox.runtime.deploy({ name: 'files', bundle, spec });
  await expect(sandbox.invoke('files', 0)).rejects.toMatchObject({ code: 'cpu' });
  expect(await sandbox.invoke('files', 41)).toBe(42);
});

test('bytes that are no WebAssembly are refused at deploy, with the name of the file', async () => {
  const code = "import add from './1-add.wasm'; export default { invoke: () => add };";
  await expect(deploy(code, [['wasm', './1-add.wasm', Buffer.from('none')]])).rejects.toMatchObject({
    code: 'badBundle',
    message: expect.stringMatching(/magic word/),
    tenantStack: expect.stringMatching(/1-add\.wasm/),
  });
});
