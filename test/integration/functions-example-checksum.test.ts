import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestEnvironment, type TestEnvironment } from '../../functions/sdk/testing/index.ts';
import { temporaryFolder } from '../support/cli.ts';

const example = 'examples/functions/checksum-wasm';
let device: TestEnvironment;

beforeAll(async () => {
  device = await createTestEnvironment({
    entry: `${example}/index.ts`,
    machine: `${example}/machine.yaml`,
  });
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
});

test('the checksums of a message are published', async () => {
  await device.message('firmware/a.bin', '123456789');
  expect(device.published.map((message) => [message.topic, message.json()])).toEqual([
    ['sums/a.bin', { name: 'a.bin', bytes: 9, crc32: 'cbf43926', adler32: '091e01de' }],
  ]);
});

test('a message longer than the memory has room for gives what zlib gives', async () => {
  const payload = Buffer.alloc(200_000, 'what comes in pieces is one message ');
  await device.message('firmware/b.bin', payload);
  expect(device.published.at(-1)!.json()).toMatchObject({
    bytes: 200_000,
    crc32: crc32(payload).toString(16).padStart(8, '0'),
  });
});

test('a payload that is no text is refused by the function', async () => {
  await expect(device.invoke(7)).rejects.toMatchObject({
    code: 'threw',
    message: expect.stringMatching('must be a string'),
  });
});

test('AssemblyScript makes the checked-in .wasm of the source', async () => {
  await using folder = await temporaryFolder();
  const outFile = join(folder.path, 'checksum.wasm');
  const asc = join(
    dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')),
    'bin/asc.js',
  );
  const settings = ['--config', 'asconfig.json', '--target', 'release', '--outFile', outFile];
  await promisify(execFile)(process.execPath, [asc, ...settings], { cwd: example });
  expect(await readFile(outFile)).toEqual(await readFile(`${example}/checksum.wasm`));
});
