import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import type { AppImages } from '../../agent/apps/ports.ts';
import { openLauncher } from '../../agent/apps/run/open-launcher.ts';
import { AppSupervisor } from '../../agent/apps/supervise/app-supervisor.ts';
import { SecretStore } from '../../agent/outside/secret-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';
import { isolationPeers } from '../support/launched.ts';
import { peerTest } from '../support/peers.ts';
import { smallRootfs } from '../support/small-rootfs.ts';

let folder: string;
let tree: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-tree-'));
  tree = smallRootfs(join(folder, 'rootfs'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Apps of a device, run by what this machine has. */
class Device implements AsyncDisposable {
  readonly root: string;
  readonly secrets: SecretStore;
  readonly log: LogEvent[] = [];
  apps!: AppSupervisor;
  #agent = new AsyncDisposableStack();

  private constructor(root: string, secrets: SecretStore) {
    this.root = root;
    this.secrets = secrets;
  }

  static async open(): Promise<Device> {
    const root = await mkdtemp(join(tmpdir(), 'holdfast-apps-'));
    const device = new Device(root, await SecretStore.open(root));
    await device.startAgent();
    return device;
  }

  async startAgent(): Promise<void> {
    const { root, secrets } = this;
    const logger = createLogger((event) => this.log.push(event));
    const launcher = this.#agent.use(await openLauncher({ root, logger }));
    const options = { root, device: 'kiosk-1', mqttPort: 1883, launcher, secrets, logger };
    this.apps = this.#agent.use(await AppSupervisor.open(options));
  }

  async stopAgent(): Promise<void> {
    await this.#agent.disposeAsync();
    this.#agent = new AsyncDisposableStack();
  }

  async configure(apps: Record<string, object>): Promise<void> {
    await this.apps.configure(machineOf(apps), imagesOf(apps));
  }

  said(app: string): unknown[] {
    return this.log
      .filter(({ event, app: of }) => event === 'app.log' && of === app)
      .map(({ message }) => message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.apps.configure(machineOf({}), new Map());
    await this.stopAgent();
    await rm(this.root, { recursive: true, force: true });
  }
}

function machineOf(apps: Record<string, object>): Machine {
  const entries = Object.entries(apps).map(([name, app]) => [name, { image: 'a/b:1', ...app }]);
  const head = { apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'kiosk-1' } };
  return machineSchema.parse({
    ...head,
    volumes: { data: {} },
    apps: Object.fromEntries(entries) as unknown,
  });
}

function imagesOf(apps: Record<string, object>): AppImages {
  const rootfs = { type: 'layers' as const, diff_ids: [] };
  const config = { Env: ['PATH=/bin'], User: 'app', WorkingDir: '/' };
  const image = {
    digest: digestOf('image'),
    rootfs: tree,
    config: { architecture: 'x', os: 'linux', rootfs, config },
  };
  return new Map(Object.keys(apps).map((name) => [name, image]));
}

const sh = (script: string, more: object = {}) => ({ command: ['sh', '-c', script], ...more });
const settled = (device: Device) => device.apps.settled(AbortSignal.timeout(60_000));

async function until(isSo: () => boolean): Promise<void> {
  for (const stop = Date.now() + 60_000; !isSo();) {
    if (Date.now() > stop) throw new Error('It never came');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

peerTest(
  isolationPeers.container,
  'an app finds its volume, its secrets and what it is told, as its own user',
  async () => {
    await using device = await Device.open();
    await device.secrets.set('key', 'hush');
    const script =
      'id -u; cat $CREDENTIALS_DIRECTORY/key; echo; echo $HOLDFAST_APP $HOLDFAST_DEVICE $HOLDFAST_VOLUME_DATA $GREETING;' +
      ' echo kept >/data/file; echo busy >$HOLDFAST_SHARED/update.lock; exec sleep 1000';
    await device.configure({
      web: { run: sh(script, { env: { GREETING: 'hi' }, secrets: ['key'] }), volumes: { '/data': 'data' } },
    });
    await settled(device);
    await until(() => device.said('web').length === 3);
    expect(device.said('web')).toEqual(['1000', 'hush', 'web kiosk-1 /data hi']);
    expect(await readFile(join(device.root, 'volumes/data/file'), 'utf8')).toBe('kept\n');
    expect(statSync(join(device.root, 'volumes/data')).uid).toBe(1000);
    expect(await device.apps.locks()).toEqual([{ app: 'web', reason: 'busy' }]);
  },
);

peerTest(
  isolationPeers.container,
  'checks by a program in the container tell when an app is well',
  async () => {
    await using device = await Device.open();
    const health = { exec: ['cat', '/run/holdfast/well'], every: '100ms', failures: 2 };
    const well = join(device.root, 'apps/shared/web/well');
    await device.configure({ web: { run: sh('exec sleep 1000'), health } });
    const answer = settled(device);
    await writeFile(well, 'so');
    await answer;
    await rm(well);
    await until(() => device.apps.components()['apps.web']?.state === 'failed');
    await expect(settled(device)).rejects.toMatchObject({
      code: 'unhealthy',
      message:
        /^App web is not well: exec cat \/run\/holdfast\/well exited with code 1: .*, 2 times in a row/,
    });
  },
);

peerTest(
  isolationPeers.sandbox,
  'a program that is not there is refused, and what ran is put back',
  async () => {
    await using device = await Device.open();
    const before = { web: { isolation: 'sandbox', run: sh('echo one; exec sleep 1000') } };
    await device.configure(before);
    const next = device.configure({ web: { isolation: 'sandbox', run: { command: ['nosuch'] } } });
    await expect(next).rejects.toMatchObject({ code: 'startFailed', message: /web.*nosuch/ });
    await device.configure(before);
    await settled(device);
    await until(() => device.said('web').length === 2);
    expect(Object.keys(device.apps.status())).toEqual(['web']);
  },
);

peerTest([], 'an app that crashes starts again, and its message says why and what it said', async () => {
  await using device = await Device.open();
  await device.configure({ web: { isolation: 'process', run: sh('echo no config >&2; exit 3') } });
  await expect(settled(device)).rejects.toMatchObject({
    message: /^App web exited with code 3 after .*; last line: no config$/,
  });
  await until(() => (device.apps.status().web?.restarts ?? 0) >= 1);
  await until(() => device.apps.components()['apps.web']?.state === 'failed');
  expect(device.apps.components()['apps.web']?.message).toMatch(
    /^exited with code 3 after .*; starts again in .*; last line: no config$/,
  );
});

peerTest([], 'an app that does not hear SIGTERM is killed after its grace', async () => {
  await using device = await Device.open();
  const run = sh('trap "" TERM; echo ready; while :; do sleep 0.1; done', { stop: { grace: '200ms' } });
  await device.configure({ web: { isolation: 'process', run } });
  await until(() => device.said('web').includes('ready'));
  const pid = device.apps.status().web?.pid ?? 0;
  await device.apps.stop('web');
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(device.apps.components()['apps.web']).toMatchObject({
    state: 'stopped',
    message: 'stopped by hand; holdfast apps start web',
  });
});

peerTest(
  isolationPeers.container,
  'apps go on without the agent, and the next one takes them over',
  async () => {
    await using device = await Device.open();
    const written = {
      web: { run: sh('exec sleep 1000') },
      old: { isolation: 'process', run: sh('exec sleep 1000') },
    };
    await device.configure(written);
    await settled(device);
    const before = device.apps.status();
    await device.stopAgent();
    await device.startAgent();
    await device.configure({ web: written.web });
    await settled(device);
    expect(device.apps.status().web).toMatchObject({ pid: before.web?.pid, instance: before.web?.instance });
    expect(existsSync(`/proc/${before.old?.pid ?? 0}`)).toBe(false);
  },
);

peerTest([], 'an http check takes 2xx and 3xx, and follows no redirect', async () => {
  await using device = await Device.open();
  let status = 503;
  await using server = createServer((_, response) =>
    response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('x'.repeat(1e6)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const health = { http, every: '100ms', failures: 1 };
  await device.configure({ web: { isolation: 'process', run: sh('exec sleep 1000'), health } });
  await until(() => device.apps.status().web?.health === `http ${http} answered 503`);
  status = 302;
  await settled(device);
  expect(device.apps.status().web).toMatchObject({ isWell: true, health: `http ${http} answered 302` });
});
