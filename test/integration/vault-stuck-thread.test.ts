import { execFileSync, spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { nodeFlags, temporaryFolder } from '../support/cli.ts';

const endThread = new URL('../../cloud-sync/vault/snapshot/end-thread.ts', import.meta.url).href;
const takeSnapshot = new URL('../../cloud-sync/vault/snapshot/take-snapshot.ts', import.meta.url).href;
const memoryRepository = new URL('../support/memory-repository.ts', import.meta.url).href;
const logger = new URL('../../lib/logger.ts', import.meta.url).href;

/** Ends a thread that waits for a writer, who never comes, before `open` returns: nobody else can end that call. */
const stuck = `
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { endThread } from '${endThread}';
const code = "const { parentPort, workerData } = require('node:worker_threads');"
  + "parentPort.postMessage('here'); require('node:fs').openSync(workerData, 'r')";
const worker = new Worker(code, { eval: true, execArgv: [], workerData: process.env.PIPE });
await once(worker, 'message');
await new Promise((resolve) => setTimeout(resolve, 200));
await endThread(worker);
process.stdout.write('ended', () => process.exit(3));
`;

/** Aborts a snapshot while its walk has let others have their turn, before it has asked for anything. */
const aborted = `
import { createMemoryRepository } from '${memoryRepository}';
import { takeSnapshot } from '${takeSnapshot}';
import { silentLogger as logger } from '${logger}';
const { backend, repository } = await createMemoryRepository();
const abort = new AbortController();
const list = backend.list.bind(backend);
backend.list = async (type) => {
  const files = await list(type);
  if (type === 'snapshots') setImmediate(() => abort.abort(new Error('aborted')));
  return files;
};
const what = { folder: process.env.FOLDER, recordedPath: '/data', hostname: 'here', tags: [], excludes: [] };
await takeSnapshot({ ...what, repository, parent: 'latest', logger, signal: abort.signal }).catch((error) => {
  process.stdout.write(error.message);
});
`;

/** From a file, as threads of a program on the command line do not start. */
function runProgram(folder: string, program: string, env: Readonly<Record<string, string>>) {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, file], {
    ...{ env: { ...process.env, ...env }, encoding: 'utf8' },
    ...{ timeout: 20_000, killSignal: 'SIGKILL' },
  });
  return { status, signal, stdout, stderr };
}

test('a command ends, with its own exit code, beside a thread in a system call that does not return', async () => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const ended = runProgram(folder.path, stuck, { PIPE: pipe });
  expect(ended).toEqual({ status: 3, signal: null, stdout: 'ended', stderr: '' });
}, 40_000);

test('a snapshot that is aborted in its first turn leaves no thread that keeps the process', async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, 'large'), '');
  // For one that is not small a thread is started at once.
  truncateSync(join(folder.path, 'large'), 2 ** 26);
  const ended = runProgram(folder.path, aborted, { FOLDER: folder.path });
  expect(ended).toEqual({ status: 0, signal: null, stdout: 'aborted', stderr: '' });
}, 40_000);
