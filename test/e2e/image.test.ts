import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lockFolder } from '../../lib/folder-lock.ts';
import { runCli, startDaemon, temporaryFolder, type CliResult, type Daemon } from '../support/cli.ts';
import { htpasswd, startDockerRegistry } from '../support/docker-registry.ts';
import { peerTest } from '../support/peers.ts';

/** `holdfast image …` as an author of an app uses it, with a real cloud. */

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cloud: Daemon;
let env: Record<string, string>;
const at = (...names: string[]) => join(folder.path, ...names);
const cli = (...parameters: string[]) => runCli(parameters, { env });

type Built = { digest: string; pinned?: string; size: number; layers: { chunked: boolean; size: number }[] };
type Inspected = {
  digest: string;
  images: { platform: string; layers: { chunked: boolean }[]; config: Record<string, unknown> }[];
};

function json(result: CliResult): unknown {
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(result.stdout);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  env = { HOLDFAST_CONTEXT: at('cloud', 'operator.json'), HOME: folder.path, DOCKER_CONFIG: at('docker') };
  cloud = await startDaemon(['cloud', 'up', '--folder', at('cloud')], env);
  await mkdir(at('tree', 'bin'), { recursive: true });
  await writeFile(at('tree', 'bin', 'hello'), '#!/bin/sh\necho hello\n');
  await chmod(at('tree', 'bin', 'hello'), 0o755);
  await writeFile(at('tree', 'notes.txt'), 'not for others');
  await writeFile(at('tree', '.holdfastignore'), 'notes.txt\n');
  await writeFile(
    at('tree', 'holdfast-image.yaml'),
    'entrypoint: [/bin/hello]\nenv: { WHO: you, PORT: "1" }\nlayers: [bin]\n',
  );
}, 60_000);
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('holdfast image', () => {
  test("builds a folder and pushes it to the cloud's registry, where inspect shows it", async () => {
    const flags = ['--platform', 'linux/arm64', '--env', 'PORT=8080', '--label', 'a=b', '--port', '8080'];
    const built = json(
      await cli('image', 'build', at('tree'), '-t', 'acme/hello:v1', '--push', ...flags, '--json'),
    ) as Built;
    expect(built.pinned).toBe(`acme/hello@${built.digest}`);
    expect(built.layers.map(({ chunked }) => chunked)).toEqual([true, true]);

    const found = json(await cli('image', 'inspect', 'acme/hello:v1', '--json')) as Inspected;
    expect(found.digest).toBe(built.digest);
    expect(found.images).toHaveLength(1);
    expect(found.images[0]).toMatchObject({
      platform: 'linux/arm64',
      config: {
        Entrypoint: ['/bin/hello'],
        Env: ['WHO=you', 'PORT=8080'],
        Labels: { a: 'b' },
        ExposedPorts: { '8080/tcp': {} },
      },
    });
    const text = await cli('image', 'inspect', `acme/hello@${built.digest}`);
    expect(text.stdout).toMatch(/linux\/arm64 {2}2 layers/);
    expect(text.stdout).toMatch(/entrypoint: \["\/bin\/hello"\]/);
  }, 60_000);

  test('builds the same image into a layout again, and pushes it from there', async () => {
    const build = ['image', 'build', at('tree'), '--out', at('layout'), '-t', 'hello:v1'];
    const one = await cli(...build);
    const other = json(await cli(...build, '--json')) as Built;
    expect(one.stdout).toMatch(/^Built hello:v1 \(linux\/[a-z0-9/]+, 2 layers, [0-9.]+ [KM]?i?B\)\nsha256:/);
    expect(one.stdout.trim().split('\n')[1]).toBe(other.digest);

    // The layout may lie in the tree: it is no part of the image.
    const within = json(await cli(...build.toSpliced(4, 1, at('tree', 'o [1]')), '--json')) as Built;
    await rm(at('tree', 'o [1]'), { recursive: true });
    expect(within.digest).toBe(other.digest);

    const pushed = json(await cli('image', 'push', `${at('layout')}:v1`, 'acme/hello:v2', '--json'));
    expect(pushed).toMatchObject({ reference: 'acme/hello:v2', digest: other.digest });
    const found = json(await cli('image', 'inspect', at('layout'), '--json')) as Inspected;
    expect(found.digest).toBe(other.digest);
  }, 60_000);

  test('pulls an image, and of the next version what lacks', async () => {
    const image = at('pulled');
    await writeFile(at('tree', 'bin', 'large'), randomBytes(2_000_000));
    const build = ['image', 'build', at('tree'), '-t', 'acme/large:v1', '--push', '--json'];
    const one = json(await cli(...build)) as Built;
    const pull = ['image', 'pull', 'acme/large:v1', '--out', image, '--json'];
    expect(json(await cli(...pull))).toMatchObject({ digest: one.digest });

    await writeFile(at('tree', 'bin', 'small'), 'more');
    const next = json(await cli(...build)) as Built;
    const pulled = json(await cli(...pull)) as { digest: string; fetched: number };
    expect(pulled.digest).toBe(next.digest);
    expect(pulled.fetched).toBeLessThan(next.size / 4);
    expect(json(await cli('image', 'push', image, 'acme/again:v1', '--json'))).toMatchObject({
      digest: next.digest,
    });
  }, 60_000);

  peerTest(
    ['docker-registry'],
    'pushes to a registry of others with its own login and without any cloud, only what it lacks',
    async () => {
      const auth = { htpasswd: { realm: 'test', path: 'FOLDER/htpasswd' } };
      await using registry = await startDockerRegistry({ auth, files: { htpasswd } });
      const nowhere = { ...env, HOLDFAST_CONTEXT: at('none.json') };
      await cli('image', 'build', at('tree'), '--out', at('foreign'), '-t', 'hello:v1');
      const push = ['image', 'push', at('foreign'), `${registry.host}/acme/hello:v1`, '--json'];
      const refused = await runCli(push, { env: nowhere });
      expect(refused).toMatchObject({ code: 5 });
      const auths = { [registry.host]: { auth: Buffer.from('puller:s3cret').toString('base64') } };
      await mkdir(at('docker'));
      await writeFile(at('docker', 'config.json'), JSON.stringify({ auths }));
      const first = json(await runCli(push, { env: nowhere })) as { size: number; sent: number };
      const again = json(await runCli(push, { env: nowhere })) as { size: number; sent: number };
      expect(first.sent).toBe(first.size);
      expect(again.sent).toBe(0);
      const seen = await runCli(['image', 'inspect', `${registry.host}/acme/hello:v1`], { env: nowhere });
      expect(seen.stdout).toContain('/bin/hello');
    },
    60_000,
  );

  test('says in one line what is wrong, and leaves nothing behind', async () => {
    await mkdir(at('bad'), { recursive: true });
    await writeFile(at('bad', 'holdfast-image.yaml'), 'entrypont: [a]\nuser: "a b"\n');
    const bad = await cli('image', 'build', at('bad'), '--out', at('nothing'));
    expect(bad.code).toBe(3);
    expect(bad.stderr).toMatch(
      /holdfast-image\.yaml:1:1: The file has no key "entrypont"\. Did you mean "entrypoint"\?/,
    );
    expect(bad.stderr).toMatch(/holdfast-image\.yaml:2:7: user must be a user/);

    await mkdir(at('busy'));
    using _lock = lockFolder(at('busy'));
    const cases = [
      [['build', at('tree'), '--out', at('busy')], 8, /Another command is writing to the layout/],
      [['build', at('tree')], 2, /Nothing says where the image goes/],
      [['build', at('tree'), '--out', at('tree')], 2, /is the tree itself/],
      [['build', at('none'), '--out', at('nothing')], 4, /There is no folder/],
      [['push', at('none'), 'acme/hello:v1'], 4, /There is no OCI image layout/],
      [['inspect', 'acme/none:v1'], 4, /is not in the registry/],
    ] as const;
    for (const [parameters, code, message] of cases) {
      const { stderr, ...ended } = await cli('image', ...parameters);
      expect(stderr).toMatch(message);
      expect(ended).toMatchObject({ code });
    }
    await expect(readFile(at('nothing', 'index.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  }, 60_000);
});
