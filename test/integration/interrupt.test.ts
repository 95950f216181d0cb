import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { nodeFlags, temporaryFolder } from '../support/cli.ts';

const interrupt = new URL('../../cli/interrupt.ts', import.meta.url).href;

/** Waits for a reader, who never comes, of a pipe: node's own exit would wait for that call. */
const program = `
import { open } from 'node:fs/promises';
import { interruptSignal } from '${interrupt}';
const again = () => process.kill(process.pid, 'SIGINT');
interruptSignal(() => process.stdout.write('stopping', again));
void open(process.env.PIPE, 'w');
setTimeout(again, 200);
`;

test('a second Ctrl-C ends a command beside a system call that does not return', async () => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const file = join(folder.path, 'program.mjs');
  writeFileSync(file, program);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, file], {
    ...{ env: { ...process.env, PIPE: pipe }, encoding: 'utf8' },
    ...{ timeout: 20_000, killSignal: 'SIGKILL' },
  });
  expect({ status, signal, stdout, stderr }).toEqual({
    status: 130,
    signal: null,
    stdout: 'stopping',
    stderr: '',
  });
}, 40_000);
