import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/data-plane.ts';

const main = fileURLToPath(new URL('../../examples/story/main.ts', import.meta.url));

async function story(...parameters: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...parameters]);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, out, err };
}

test('an option that the story does not have is one line and a hint', async () => {
  expect(await story('--bogus')).toEqual({
    code: 2,
    out: '',
    err: "error: Unknown option '--bogus'\nhint: npm start -- --help lists the options.\n",
  });
}, 60_000);

test('a folder that cannot be made ends the story at once', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'file'), '');
  const parameters = ['--once', '--json', '--folder'];
  const blocked = process.platform === 'linux' ? ['/proc/nope'] : [];
  for (const path of [join(folder.path, 'file', 'story'), ...blocked]) {
    const { code, out } = await story(...parameters, path);
    expect(code).toBe(1);
    expect(out).toContain('"holds":false');
  }
}, 60_000);
