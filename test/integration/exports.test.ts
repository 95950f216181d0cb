import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Exports } from '../../agent/apps/exports/exports.ts';
import type { AppImages, StoredImage } from '../../agent/apps/ports.ts';
import { createLogger } from '../../lib/logger.ts';
import type { Digest } from '../../lib/digest.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { hasPeer } from '../support/has-peer.ts';
import { smallRootfs } from '../support/small-rootfs.ts';

let folder: string;
let tree: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-exports-'));
  tree = smallRootfs(join(folder, 'tree'), ['sh', 'cat']);
  for (const name of ['usr/lib', 'var/lib']) await mkdir(join(tree, name), { recursive: true });
  await writeFile(
    join(tree, 'bin/hello'),
    '#!/bin/sh\necho "$0 in $(cat /etc/name), $GREETING, $#: $1"\nexit 7\n',
    { mode: 0o755 },
  );
  await writeFile(join(tree, 'bin/copy'), '#!/bin/sh\nexec cat "$@"\n', { mode: 0o755 });
  await writeFile(join(tree, 'etc/name'), 'the tree', { mode: 0o644 });
  await writeFile(join(tree, 'etc/plain'), '', { mode: 0o644 });
  await symlink('/bin/hello', join(tree, 'bin/hallo'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('puts programs on the path, replaces them at once, and takes them away', async () => {
  const { exports, root, configure } = await open();
  await configure({ tool: ['bin/hello', 'bin/copy'] });
  expect(await readdir(exports.folder)).toEqual(['copy', 'hello']);
  const first = await readlink(exports.folder);
  await configure({ tool: ['bin/hello', 'bin/copy'] });
  expect(await readlink(exports.folder)).toBe(first);
  await configure({ tool: ['bin/hallo'] });
  expect(await readdir(exports.folder)).toEqual(['hallo']);
  expect(await readdir(join(root, 'tools'))).toEqual(['2']);
  await configure({});
  expect(await readdir(exports.folder)).toEqual([]);
});

test('goes on from what a crash left: shims without a link to them, a link that was not yet renamed', async () => {
  const { exports, root, configure } = await open();
  await configure({ tool: ['bin/hello'] });
  await mkdir(join(root, 'tools/2'));
  await symlink('tools/2', join(root, 'bin.next'));
  const { exports: next, configure: again } = await open(root);
  await again({ tool: ['bin/copy'] });
  expect(await readdir(next.folder)).toEqual(['copy']);
  expect(await readdir(join(root, 'tools'))).toHaveLength(1);
  expect((await readdir(root)).sort()).toEqual(['bin', 'tools']);
  expect(exports.folder).toBe(next.folder);
});

test.each([
  ['bin/nothing', 'has no program bin/nothing'],
  ['etc', 'has no program etc'],
  ['etc/plain', 'has etc/plain, which is not executable'],
])('refuses a generation that exports %s, and leaves the programs of before', async (path, message) => {
  const { exports, configure } = await open();
  await configure({ tool: ['bin/hello'] });
  await expect(configure({ tool: ['bin/copy', path] })).rejects.toMatchObject({
    code: 'badImage',
    message: `The image of apps.tool ${message}`,
  });
  expect(await readdir(exports.folder)).toEqual(['hello']);
});

const inTree = hasPeer('bwrap') ? test : test.skip;

inTree(
  'runs a program in its image: its files, its environment, the arguments and the exit code of the caller',
  async () => {
    const { exports, configure } = await open();
    await configure({ tool: ['bin/hello', 'bin/hallo'] });
    const ended = await run(join(exports.folder, 'hello'), ['two words', '*'], folder);
    expect(ended).toEqual({
      code: 7,
      stdout: '/bin/hello in the tree, from the image, 2: two words\n',
      stderr: '',
    });
    const linked = await run(join(exports.folder, 'hallo'), [], folder);
    expect(linked.stdout).toContain('/bin/hallo in the tree');
  },
);

inTree('gives the program the folder of the caller, its home and what it is sent', async () => {
  const { exports, configure } = await open();
  await configure({ tool: ['bin/copy'] });
  await writeFile(join(folder, 'here.txt'), 'here\n');
  const ended = await run(join(exports.folder, 'copy'), ['here.txt', '-'], folder, 'sent\n');
  expect(ended).toEqual({ code: 0, stdout: 'here\nsent\n', stderr: '' });
});

inTree('says of a folder that the image has for itself that it cannot be worked in', async () => {
  const { exports, configure } = await open();
  await configure({ tool: ['bin/copy'] });
  const ended = await run(join(exports.folder, 'copy'), ['x'], '/usr/bin');
  expect(ended.code).toBe(126);
  expect(ended.stderr).toMatch(/^copy: it cannot work in .*, which its image has for itself/);
});

test('says what is missing where there is no bwrap', async () => {
  const { exports, configure } = await open();
  await configure({ tool: ['bin/copy'] });
  const ended = await run(join(exports.folder, 'copy'), ['x'], folder, '', { PATH: folder });
  expect(ended).toMatchObject({ code: 126, stdout: '' });
  expect(ended.stderr).toBe(
    'copy: it runs in its image by bwrap, which is not on the PATH. Install bubblewrap.\n',
  );
});

test('runs a program of an app without isolation as it is', async () => {
  const { exports, configure } = await open();
  await configure({ tool: ['bin/copy'] }, 'process');
  const ended = await run(join(exports.folder, 'copy'), [join(tree, 'etc/name')], folder, '');
  expect(ended).toEqual({ code: 0, stdout: 'the tree', stderr: '' });
});

async function open(given?: string) {
  const root = given ?? (await mkdtemp(join(folder, 'root-')));
  const exports = new Exports({ root, logger: createLogger(() => undefined) });
  const configure = (apps: Record<string, string[]>, isolation = 'container'): Promise<void> =>
    exports.configure(machineOf(apps, isolation), imagesOf(Object.keys(apps)));
  return { exports, root, configure };
}

function machineOf(apps: Record<string, string[]>, isolation: string) {
  const specs = Object.entries(apps).map(([name, exports]) => [name, { image: 'a/b', exports, isolation }]);
  return machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'here' },
    apps: Object.fromEntries(specs) as object,
  });
}

function imagesOf(names: string[]): AppImages {
  const image: StoredImage = {
    digest: `sha256:${'0'.repeat(64)}` as Digest,
    rootfs: tree,
    config: {
      os: 'linux',
      architecture: 'amd64',
      config: { Env: ['PATH=/bin', 'GREETING=from the image'] },
      rootfs: { type: 'layers', diff_ids: [] },
    },
  };
  return new Map(names.map((name) => [name, image]));
}

type Ended = { code: number; stdout: string; stderr: string };

function run(
  program: string,
  args: string[],
  cwd: string,
  input = '',
  env?: NodeJS.ProcessEnv,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd, ...(env && { env }) }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    );
    // A program that ends before it reads is no fault here.
    child.stdin?.on('error', () => undefined).end(input);
  });
}
