import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AppImages } from '../../agent/apps/ports.ts';
import { stopApps } from '../../agent/apps/stop-apps.ts';
import { AppSupervisor } from '../../agent/apps/supervise/app-supervisor.ts';
import { AgentError } from '../../agent/errors.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { silentLogger } from '../../lib/logger.ts';
import { listenAt } from '../../lib/remembered-port.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';
import { FakeLauncher } from '../support/fake-launcher.ts';

let root: string;
let stack: AsyncDisposableStack;
let launcher: FakeLauncher;
let secrets: SecretStore;
let apps: AppSupervisor;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  root = await mkdtemp(join(tmpdir(), 'holdfast-apps-'));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'tree/etc'), { recursive: true });
  launcher = new FakeLauncher();
  secrets = await SecretStore.open(root);
  apps = await open();
});
afterEach(() => stack.disposeAsync());

async function open(): Promise<AppSupervisor> {
  const options = { root, device: 'd', mqttPort: 1883, launcher, secrets, logger: silentLogger };
  const opened = await AppSupervisor.open({ ...options, random: () => 0 });
  stack.use(opened);
  return opened;
}

type Written = Record<string, Record<string, unknown>>;

function machineOf(written: Written): Machine {
  const entries = Object.entries(written).map(([name, app]) => [name, { image: 'a/b:1', ...app }]);
  const volumes = { data: {} };
  return machineSchema.parse({
    ...{ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'd' }, volumes },
    apps: Object.fromEntries(entries) as unknown,
  });
}

/** `version` is what the images are of. */
function imagesOf(written: Written, version = 1): AppImages {
  return new Map(
    Object.keys(written).map((name) => [
      name,
      {
        digest: digestOf(`${name} ${version}`),
        rootfs: join(root, 'tree'),
        config: {
          ...{ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers' as const, diff_ids: [] } },
          config: { Entrypoint: ['/bin/app'], Env: ['A=1', 'B=2'] },
        },
      },
    ]),
  );
}

const configure = (written: Written, version = 1) =>
  apps.configure(machineOf(written), imagesOf(written, version));
const settled = () => apps.settled(AbortSignal.timeout(30_000));

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const stop = Date.now() + 30_000; !(await isSo());) {
    if (Date.now() > stop) throw new Error(`It never came: ${JSON.stringify(apps.components())}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const checked = { health: { exec: ['well'], every: '100ms', grace: '10s' } };

describe('a generation', () => {
  test('starts in its order and stops in the reverse one', async () => {
    const written = { web: { ...checked, after: ['db'] }, db: checked, tool: { exports: ['bin/x'] } };
    await configure(written);
    await settled();
    expect(launcher.told).toEqual(['start db', 'start web']);
    expect(apps.components()).toMatchObject({
      'apps.db': { state: 'running' },
      'apps.web': { state: 'running' },
    });
    await configure({});
    expect(launcher.told.slice(2)).toEqual(['stop web SIGTERM', 'stop db SIGTERM']);
    expect(apps.components()).toEqual({});
  });

  test('leaves alone what it does not change, though its health or its restart policy is another', async () => {
    const both = { web: checked, db: checked };
    await configure(both);
    await settled();
    await configure({ web: { ...checked, run: { env: { A: '2' } } }, db: { run: { restart: 'never' } } });
    expect(launcher.told.slice(2)).toEqual(['stop web SIGTERM', 'start web']);
    await configure(both);
    expect(launcher.told.slice(4)).toEqual(['stop web SIGTERM', 'start web']);
  });

  test('that cannot start is refused, and the one before it comes back', async () => {
    await configure({ web: checked });
    launcher.refusals.set('new', new AgentError('startFailed', 'no such program'));
    const next = configure({ web: { ...checked, run: { env: { A: '2' } } }, new: {} });
    await expect(next).rejects.toMatchObject({ code: 'startFailed' });
    await configure({ web: checked });
    await settled();
    expect(Object.keys(apps.components())).toEqual(['apps.web']);
    expect(launcher.running().map(({ app }) => app)).toEqual(['web']);
  });

  test('goes on without a predecessor that is not well within its grace', async () => {
    launcher.programs.set('ill', 1);
    const slow = { health: { exec: ['ill'], every: '100ms', grace: '300ms' } };
    await configure({ db: slow, web: { ...checked, after: ['db'] } });
    expect(apps.components()['apps.web']).toMatchObject({
      state: 'waiting',
      message: 'waits for db to be well',
    });
    await until(() => apps.components()['apps.web']?.state === 'running');
  });
});

describe('settled', () => {
  test('rejects in one line when checks fail after they were good', async () => {
    await configure({ web: { health: { exec: ['well'], every: '100ms', failures: 2 } } });
    await settled();
    launcher.say('web', 'the disk\tis full');
    launcher.programs.set('well', 3);
    await until(() => apps.components()['apps.web']?.state === 'failed');
    await expect(settled()).rejects.toMatchObject({
      code: 'unhealthy',
      message:
        'App web is not well: exec well exited with code 3: said so, 2 times in a row; last line: the disk is full',
    });
  });

  test('rejects when an app ends twice, and says how', async () => {
    await configure({ web: checked });
    launcher.last('web').end({ kind: 'exited', code: 1 });
    await until(() => launcher.instances.length === 2);
    launcher.last('web').end({ kind: 'killed', signal: 'SIGKILL', outOfMemory: true });
    await until(() => apps.components()['apps.web']?.state === 'failed');
    await expect(settled()).rejects.toMatchObject({
      message: /^App web was killed after .*: it used more memory/,
    });
    expect(apps.status().web).toMatchObject({ restarts: 1, isWell: false });
  });

  test('does not ask of a new generation what was not well before it', async () => {
    await configure({ web: { run: { restart: 'never' } } });
    launcher.last('web').end({ kind: 'exited', code: 1 });
    await expect(settled()).rejects.toMatchObject({ code: 'unhealthy' });
    await configure({ web: { run: { restart: 'never' } }, db: checked });
    await settled();
    expect(apps.components()['apps.web']?.state).toBe('failed');
  });

  test('does not ask it of later generations either, nor after another start of the agent', async () => {
    const broken = { run: { restart: 'never' } };
    await configure({ web: broken });
    launcher.last('web').end({ kind: 'exited', code: 1 });
    await until(() => apps.components()['apps.web']?.state === 'failed');
    await configure({ web: broken, db: checked });
    await configure({ web: broken, db: checked, more: checked });
    await settled();
    await apps[Symbol.asyncDispose]();
    apps = await open();
    await configure({ web: broken, db: checked, more: checked });
    await configure({ web: broken, db: checked });
    await settled();
    expect(apps.components()['apps.web']?.state).toBe('failed');
  });

  test('asks it of one that takes the place of the generation on trial that brought it', async () => {
    const broken = { run: { restart: 'never' } };
    await configure({ db: checked });
    await settled();
    await configure({ db: checked, web: broken });
    launcher.last('web').end({ kind: 'exited', code: 1 });
    await until(() => apps.components()['apps.web']?.state === 'failed');
    await configure({ db: checked, web: broken, more: checked });
    await expect(settled()).rejects.toMatchObject({ code: 'unhealthy' });
  });

  test('waits for no app that began in the future, before the clock was set back', async () => {
    await configure({ web: checked });
    await apps[Symbol.asyncDispose]();
    launcher.last('web').startedAt.setFullYear(2199);
    apps = await open();
    await configure({ web: checked });
    await apps.settled(AbortSignal.timeout(30_000), { steadyMs: 10 });
  });

  test('takes one that is to run once as well when it has ended so', async () => {
    await configure({ job: { run: { restart: 'on-failure' } } });
    launcher.last('job').end({ kind: 'exited', code: 0 });
    await settled();
    expect(apps.components()['apps.job']).toMatchObject({ state: 'stopped', message: /^exited with code 0/ });
  });
});

test('an app waits for a secret that the device lacks, and has it in a file when it starts', async () => {
  await configure({ web: { run: { secrets: ['key'] } } });
  expect(apps.components()['apps.web']).toMatchObject({
    state: 'waiting',
    message: 'waits for the secret key: holdfast secrets set key',
  });
  await settled();
  await secrets.set('key', 'one');
  await until(() => launcher.instances.length === 1);
  const source =
    launcher.last('web').spec.mounts.find(({ target }) => target === '/run/secrets')?.source ?? '';
  expect(await readFile(join(source, 'key'), 'utf8')).toBe('one');
  await secrets.set('key', 'two');
  await until(() => launcher.told.length === 3);
  expect(launcher.told).toEqual(['start web', 'stop web SIGTERM', 'start web']);
  expect(await readFile(join(source, 'key'), 'utf8')).toBe('two');
  await configure({});
  expect(existsSync(source)).toBe(false);
});

test('a secret that changes while an app is being started with the old one starts it anew', async () => {
  await secrets.set('key', 'one');
  const [begun, go] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const start = launcher.start.bind(launcher);
  launcher.start = async (spec) => {
    begun.resolve(undefined);
    await go.promise;
    return start(spec);
  };
  const configuring = configure({ web: { run: { secrets: ['key'] } } });
  await begun.promise;
  await secrets.set('key', 'two');
  go.resolve(undefined);
  await configuring;
  await until(() => launcher.told.length === 3 && launcher.running().length === 1);
  const source =
    launcher.last('web').spec.mounts.find(({ target }) => target === '/run/secrets')?.source ?? '';
  expect(await readFile(join(source, 'key'), 'utf8')).toBe('two');
  await configure({});
});

test('an app whose port is taken says by whom, and starts when it is free', async () => {
  const server = createServer();
  const port = await listenAt(server, { host: '127.0.0.1', port: 0 });
  await configure({ web: { run: { ports: [port] } } });
  const { state, message = '' } = apps.components()['apps.web'] ?? {};
  expect(state).toBe('waiting');
  expect(message).toContain(`waits for port ${port}, which `);
  expect(message).toContain(`(pid ${process.pid})`);
  server.close();
  await settled();
});

describe('a later agent', () => {
  test('takes over what runs as it is to run, and stops the rest', async () => {
    await configure({ web: checked, db: checked, old: {} });
    await apps[Symbol.asyncDispose]();
    expect(launcher.running()).toHaveLength(3);
    apps = await open();
    await configure({ web: checked, db: { ...checked, run: { env: { A: '2' } } } });
    await settled();
    expect(launcher.told.slice(3).sort()).toEqual(['start db', 'stop db SIGTERM', 'stop old SIGTERM']);
  });

  test('does not start what was stopped by hand, nor what ran to its end', async () => {
    const written = { web: {}, job: { run: { restart: 'never' } } };
    await configure(written);
    await apps.stop('web');
    launcher.last('job').end({ kind: 'exited', code: 0 });
    await until(() => apps.components()['apps.job']?.state === 'stopped');
    await apps[Symbol.asyncDispose]();
    apps = await open();
    await configure(written);
    await settled();
    expect(launcher.running()).toEqual([]);
    await apps.start('web');
    await apps.start('job');
    expect(launcher.running().map(({ app }) => app)).toEqual(['web', 'job']);
  });
});

test('what is halted starts with the next configuration, what is stopped by hand does not', async () => {
  await configure({ web: {}, db: {} });
  await apps.stop('db');
  await apps.halt(['web', 'db']);
  expect(launcher.running()).toEqual([]);
  await configure({ web: {}, db: {} });
  expect(launcher.running().map(({ app }) => app)).toEqual(['web']);
  await expect(apps.stop('nobody')).rejects.toMatchObject({ code: 'unknownApp' });
});

test('what ran to its end does not run again after an update that halts all who have its volume', async () => {
  const written = { job: { run: { restart: 'never' } }, web: {} };
  await configure(written);
  launcher.last('job').end({ kind: 'exited', code: 0 });
  await until(() => apps.components()['apps.job']?.state === 'stopped');
  await apps.halt(['job', 'web']);
  await configure({ ...written, web: { run: { env: { A: '2' } } } });
  // Neither waits for the other: they may start in either order.
  expect(launcher.told.slice(0, 2).sort()).toEqual(['start job', 'start web']);
  expect(launcher.told.slice(2)).toEqual(['stop web SIGTERM', 'start web']);
  await apps.start('job');
  expect(launcher.told.at(-1)).toBe('start job');
});

test('an agent that ends stops what was still being started, too', async () => {
  const written = { web: {}, db: {} };
  await configure({ web: {} });
  const reconciler = { [Symbol.asyncDispose]: () => configure(written) };
  expect(await stopApps(reconciler, apps)).toEqual(['web', 'db']);
  expect(launcher.running()).toEqual([]);
});

test('a start that was refused once holds no later generation back', async () => {
  await configure({ web: {} });
  launcher.refusals.set('web', new AgentError('startFailed', 'no memory for now'));
  await expect(apps.restart('web')).rejects.toMatchObject({ code: 'startFailed' });
  await configure({ web: {}, db: {} });
  await settled();
  launcher.refusals.clear();
  await until(() => apps.components()['apps.web']?.state === 'running');
  await configure({ web: {}, db: {}, more: {} });
});

test('whatever an app puts in the place of its lock holds updates back, and is not followed', async () => {
  await configure({ web: {}, db: {}, job: {} });
  const lock = (app: string) => join(root, 'apps/shared', app, 'update.lock');
  await symlink(join(root, 'secrets'), lock('web'));
  await mkdir(lock('db'));
  execFileSync('mkfifo', [lock('job')]);
  expect(await apps.locks()).toEqual(
    ['web', 'db', 'job'].map((app) => ({ app, reason: 'it has an update.lock' })),
  );
});

test('locks are files of apps, and calls', async () => {
  await configure({ web: {}, db: {} });
  expect(await apps.locks()).toEqual([]);
  await writeFile(join(root, 'apps/shared/web/update.lock'), 'batch 7 is running\nmore');
  await apps.lock('db', { reason: 'by hand', ttlMs: 60_000 });
  const locks = [
    { app: 'web', reason: 'batch 7 is running' },
    { app: 'db', reason: 'by hand' },
  ];
  expect(await apps.locks()).toEqual(locks);
  await apps.unlock('db');
  expect(await apps.locks()).toEqual(locks.slice(0, 1));
});
