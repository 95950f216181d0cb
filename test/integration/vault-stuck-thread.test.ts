import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/cli.ts';

const endThread = new URL('../../cloud-sync/vault/snapshot/end-thread.ts', import.meta.url).href;

/** Ends a thread that waits for a writer, who never comes, before `open` returns: nobody else can end that call. */
const program = `
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

test('a command ends, with its own exit code, beside a thread in a system call that does not return', async () => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, flags, {
    ...{ env: { ...process.env, PIPE: pipe }, encoding: 'utf8' },
    ...{ timeout: 20_000, killSignal: 'SIGKILL' },
  });
  expect({ status, signal, stdout, stderr }).toEqual({
    status: 3,
    signal: null,
    stdout: 'ended',
    stderr: '',
  });
}, 40_000);
