import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer, type Server } from 'node:tls';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CertificateAuthority } from '../../cloud-sync/trust/index.ts';
import type { CliResult } from '../support/cli.ts';
import { runCli, startDaemon } from '../support/cli.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

/** Every kind of bad input ends in one clear line and a documented exit code, and the device runs what it ran before. */

const unknownDigest = `sha256:${'0'.repeat(64)}`;

/** One line that says what, an optional hint line, nothing else. */
function expectOneLine({ stderr }: CliResult, text: string | RegExp): void {
  const lines = stderr.trim().split('\n');
  const errors = lines.filter((line) => line.startsWith('error: '));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(text);
  expect(stderr).not.toMatch(/\n\s+at /);
}

async function openWorld(): Promise<World> {
  const opened = await World.open();
  await opened.push('one');
  expect(await opened.deploy()).toMatchObject({ code: 0 });
  return opened;
}

/** Of all tests but those that break it. What a test deploys in it has an answer of its own. */
let world: World;
/** What ran when the test began. */
let before: unknown;
beforeAll(async () => void (world = await openWorld()));
beforeEach(async () => {
  before = await world.running();
  expect(before).toEqual(expect.any(String));
});
afterAll(() => world[Symbol.asyncDispose]());

describe('a device that runs', () => {
  test('goes on when a manifest is malformed, at the command line and at the API', async () => {
    const file = join(world.folder, 'bad.yaml');
    await writeFile(
      file,
      'apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: kiosk-1 }\nfunctoins: {}\n',
    );
    const deployed = await world.cli('deploy', file);
    expect(deployed.code).toBe(3);
    expect(deployed.stderr).toContain('bad.yaml:4:1');
    expect(deployed.stderr).toContain('functions');
    expect(await world.running()).toBe(before);
  });

  test('goes on when a manifest names a digest that nobody has', async () => {
    const refused = await world.deploy(`functions/which@${unknownDigest}`);
    expect(refused.code).toBe(4);
    expectOneLine(refused, unknownDigest);
    expect(await world.running()).toBe(before);
  });

  test('goes on when the registry has lost the bundle of a new generation, and says so', async () => {
    const digest = await world.push('lost');
    await rm(blobPath(world, digest));
    const failed = await world.deploy(`functions/which@${digest}`);
    expect(failed.code).not.toBe(0);
    expectOneLine(failed, digest);
    expect(await world.running()).toBe(before);
  });

  test('[G8] goes on when the bytes of a bundle do not match their digest, and takes it once they do', async () => {
    await world.push('whole');
    const moduleBlob = await findBlob(world, '"whole"');
    const whole = await readFile(moduleBlob);
    await writeFile(moduleBlob, Buffer.from(whole.toString('utf8').replace('"whole"', '"elohw"')));
    const failed = await world.deploy();
    expect(failed.code).toBe(1);
    expectOneLine(failed, /sha256:|does not match|corrupt/);
    expect(await world.running()).toBe(before);

    await writeFile(moduleBlob, whole);
    expect(await world.deploy()).toMatchObject({ code: 0 });
    expect(await world.running()).toBe('whole');
  });

  test('[G3] takes a good generation after a failed one', async () => {
    const digest = await world.push('away');
    await rename(blobPath(world, digest), `${blobPath(world, digest)}.away`);
    expect((await world.deploy(`functions/which@${digest}`)).code).not.toBe(0);
    await world.push('three');
    expect(await world.deploy()).toMatchObject({ code: 0 });
    expect(await world.running()).toBe('three');
  });

  test('goes on when the cloud answers nonsense, and comes back to it when it talks sense', async () => {
    const { url, mqttUrl } = world.cloud?.ready as { url: string; mqttUrl: string };
    await world.cloud?.stop();
    {
      await using _nonsense = await serveNonsense(world, [
        Number(new URL(url).port),
        Number(new URL(mqttUrl).port),
      ]);
      const listed = await world.cli('devices');
      expect(listed.code).toBe(6);
      expectOneLine(listed, /error: /);
      await sleep(1500);
      expect(await world.running()).toBe(before);
    }
    await world.startCloud();
    await world.push('sense');
    expect(await world.deploy()).toMatchObject({ code: 0 });
    expect(await world.running()).toBe('sense');
  });

  test('refuses a second agent on its root and a port that is taken', async () => {
    const second = await world.cli('agent', 'up', '--mqtt-port', '0');
    expect(second.code).toBe(8);
    expectOneLine(second, world.root);

    const { mqtt } = world.agent?.ready as { mqtt: { port: number } };
    const { token } = (await world.json('devices', 'enrol', 'kiosk-2')) as { token: string };
    const other = join(world.folder, 'other');
    const taken = await runCli(
      ['agent', 'up', '--root', other, '--mqtt-port', String(mqtt.port), '--token', token],
      { env: world.env },
    );
    expect(taken.code).toBe(8);
    expectOneLine(taken, String(mqtt.port));

    const cloud = await world.cli(
      'cloud',
      'up',
      '--folder',
      join(world.folder, 'cloud-2'),
      '--api-port',
      String(mqtt.port),
    );
    expect(cloud.code).toBe(8);
    expectOneLine(cloud, String(mqtt.port));
    expect(await world.running()).toBe(before);
  });
});

describe('an enrolment token', () => {
  test('works once: another device with it is refused, and so is an expired one', async () => {
    const { token } = (await world.json('devices', 'enrol', 'kiosk-2')) as { token: string };
    const first = await startDaemon(
      ['agent', 'up', '--root', join(world.folder, 'first'), '--mqtt-port', '0', '--token', token],
      world.env,
    );
    await first.stop();
    const reused = await world.cli(
      'agent',
      'up',
      '--root',
      join(world.folder, 'second'),
      '--mqtt-port',
      '0',
      '--token',
      token,
    );
    expect(reused.code).toBe(5);
    expectOneLine(reused, /used/);

    // Another device's token in a restore would take that device's identity away from it.
    const { token: others } = (await world.json('devices', 'enrol', 'kiosk-4')) as { token: string };
    const machineFile = join(world.folder, 'machine.yaml');
    await world.json('deploy', join(world.folder, 'machine.source.yaml'), '--out', machineFile);
    const blank = join(world.folder, 'blank');
    const mixed = await world.cli('restore', machineFile, '--root', blank, '--token', others);
    expect(mixed.code).toBe(3);
    expectOneLine(mixed, /kiosk-4.*kiosk-1/);

    const { token: brief } = (await world.json('devices', 'enrol', 'kiosk-3', '--expires', '1s')) as {
      token: string;
    };
    await sleep(1200);
    const expired = await world.cli(
      'agent',
      'up',
      '--root',
      join(world.folder, 'third'),
      '--mqtt-port',
      '0',
      '--token',
      brief,
    );
    expect(expired.code).toBe(5);
    expectOneLine(expired, /expired/);
  });
});

test('a device runs again from the copy before when its state file is broken, and refuses to guess when both are', async () => {
  await using world = await openWorld();
  await world.agent?.stop('SIGKILL');
  await writeFile(join(world.root, 'state.json'), '{"half');
  await world.startAgent();
  expect(await world.running()).toBe('one');

  await world.agent?.stop('SIGKILL');
  await writeFile(join(world.root, 'state.json'), 'x');
  await writeFile(join(world.root, 'state.json.previous'), 'y');
  const refused = await world.cli('agent', 'up', '--mqtt-port', '0');
  expect(refused.code).toBe(9);
  expectOneLine(refused, 'state.json');
  expect(refused.stderr).toContain('holdfast restore');
});

const isRoot = process.getuid?.() === 0;
(isRoot ? test : test.skip)(
  'a device whose disk is full goes on, and applies the new generation once there is space (needs root)',
  async () => {
    await using world = await openWorld();
    const disk = join(world.folder, 'disk');
    await mkdir(disk);
    const run = promisify(execFile);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
    try {
      await world.agent?.stop();
      await run('cp', ['-a', `${world.root}/.`, disk]);
      await rm(world.root, { recursive: true });
      await run('ln', ['-s', disk, world.root]);
      await world.startAgent();
      expect(await world.running()).toBe('one');
      await writeFile(join(disk, 'ballast'), Buffer.alloc(36 * 2 ** 20));

      await world.push('two');
      const waiting = world.deploy();
      await waitFor(async () =>
        (
          (await world.json('status', '--device', worldDevice)) as {
            reported: { conditions: { reason: string }[] };
          }
        ).reported.conditions.some(({ reason }) => reason === 'diskFull'),
      );
      expect(await world.running()).toBe('one');
      await rm(join(disk, 'ballast'));
      expect(await waiting).toMatchObject({ code: 0 });
      expect(await world.running()).toBe('two');
    } finally {
      await world.agent?.stop('SIGKILL');
      await run('umount', ['-l', disk]);
    }
  },
);

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 150; turn++) {
    if (await holds()) return;
    await sleep(100);
  }
  expect(await holds()).toBe(true);
}

const blobFolder = ({ folder }: World): string => join(folder, 'cloud', 'registry', 'blobs', 'sha256');

function blobPath(world: World, digest: string): string {
  return join(blobFolder(world), digest.replace('sha256:', ''));
}

/** The blob in the cloud's registry that holds `text`; a bundle's module, not its source map. */
async function findBlob(world: World, text: string): Promise<string> {
  for (const name of await readdir(blobFolder(world))) {
    const path = join(blobFolder(world), name);
    const content = await readFile(path, 'utf8');
    if (content.includes(text) && !content.includes('"mappings"')) return path;
  }
  throw new Error(`No blob holds ${text}`);
}

/** Something with the cloud's own name and certificate that speaks neither HTTP nor MQTT. */
async function serveNonsense(world: World, ports: readonly number[]): Promise<AsyncDisposable> {
  const authority = await CertificateAuthority.open({
    folder: join(world.folder, 'cloud', 'ca'),
    now: () => new Date(),
  });
  const { certificatePem, privateKeyPem } = await authority.issueServer({
    hosts: ['localhost', '127.0.0.1'],
  });
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  for (const port of ports) {
    const server = createTlsServer({ cert: certificatePem, key: privateKeyPem }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.end(
        'HTTP/1.1 200 Fine\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"devices":7}',
      );
    });
    server.on('tlsClientError', () => undefined);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
