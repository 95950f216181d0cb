import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../../../agent/control/client.ts';
import type { Status } from '../../../agent/control/protocol.ts';
import { loadIdentity } from '../../../agent/identity/identity-store.ts';
import { ControlPlaneClient } from '../../../cloud-sync/protocol/control-plane-client.ts';
import { CertificateAuthority } from '../../../cloud-sync/trust/index.ts';
import { freePort } from '../../../examples/story/network.ts';
import { createHttpsClient } from '../../../lib/https-client.ts';
import { hashPassword } from '../../../lib/password.ts';
import { canonicalize } from '../../../manifests/index.ts';
import type { StoredRow } from './check-stored.ts';
import { Daemon } from './daemon.ts';
import { LinkProxy } from './link-proxy.ts';
import { idOf } from './sent-messages.ts';

export const device = 'dev';
export const password = 'correct horse';

const streams = {
  main: { topics: ['in/main/#'], relay: { priority: 1 } },
  bulk: { topics: ['in/bulk/#'], relay: { priority: 7 } },
  /** Overflows when the link is away for a moment. */
  small: { topics: ['in/small/#'], keep: { bytes: '32KiB' }, relay: { priority: 5 } },
  /** Its messages are too old when the link was away for a while. */
  brief: { topics: ['in/brief/#'], relay: { priority: 6, ttl: '1s' } },
};
export const streamNames = Object.keys(streams);

export type WorldOptions = {
  /** Both are in here. */
  readonly folder: string;
  /** The agent's root. */
  readonly root: string;
};

/** A control plane and an agent, each a process, and the line between them. */
export class DeviceWorld implements AsyncDisposable {
  readonly cloud: Daemon;
  readonly agent: Daemon;
  readonly proxy: LinkProxy;
  readonly operator: ControlPlaneClient;
  readonly cloudUrl: string;
  readonly ca: string;
  readonly token: string;
  readonly mqttPort: number;
  readonly #control: ControlClient;
  readonly #resources: AsyncDisposableStack;
  readonly #rows: StoredRow[] = [];
  #cursor = 0;

  private constructor(
    parts: Pick<
      DeviceWorld,
      'cloud' | 'agent' | 'proxy' | 'operator' | 'cloudUrl' | 'ca' | 'token' | 'mqttPort'
    >,
    control: ControlClient,
    resources: AsyncDisposableStack,
  ) {
    this.cloud = parts.cloud;
    this.agent = parts.agent;
    this.proxy = parts.proxy;
    this.operator = parts.operator;
    this.cloudUrl = parts.cloudUrl;
    this.ca = parts.ca;
    this.token = parts.token;
    this.mqttPort = parts.mqttPort;
    this.#control = control;
    this.#resources = resources;
  }

  static async open({ folder, root }: WorldOptions): Promise<DeviceWorld> {
    await using starting = new AsyncDisposableStack();
    const cloudFolder = join(folder, 'cloud');
    const cloudPort = await freePort();
    const proxy = starting.use(await LinkProxy.open(cloudPort));
    const [mqttPort, publicUrl] = [String(cloudPort), `mqtts://localhost:${proxy.port}`];
    const where = ['--folder', cloudFolder, '--mqtt-port', mqttPort, '--public-mqtt-url', publicUrl];
    const cloud = starting.use(new Daemon(['cloud', 'up', ...where], {}));
    await cloud.start();
    const operatorFile: unknown = JSON.parse(await readFile(join(cloudFolder, 'operator.json'), 'utf8'));
    const { url, token, ca } = operatorFile as Record<'url' | 'token' | 'ca', string>;
    const http = starting.use(createHttpsClient({ ca }));
    const operator = new ControlPlaneClient({ http, url, token });

    const agent = starting.use(
      new Daemon(['agent', 'up', '--root', root, '--mqtt-port', String(await freePort())], {}),
    );
    const { token: enrolment } = await operator.createEnrolmentToken({ device });
    await agent.start('--token', enrolment);
    const identity = await loadIdentity(root);
    if (!identity) throw new Error(`There is no identity in ${root}`);
    const authority = await CertificateAuthority.open({
      folder: join(cloudFolder, 'ca'),
      now: () => new Date(),
    });
    const { certificatePem, privateKeyPem } = await authority.issueServer({
      hosts: ['localhost', '127.0.0.1'],
    });
    proxy.use({
      server: { cert: certificatePem, key: privateKeyPem },
      client: { ca, cert: identity.certificate, key: identity.key },
    });
    const control = starting.use(ControlClient.forRoot(root));
    const { mqtt } = await control.status();
    const parts = {
      cloud,
      agent,
      proxy,
      operator,
      cloudUrl: `mqtts://localhost:${cloudPort}`,
      ca,
      token,
      mqttPort: mqtt.port,
    };
    const world = new DeviceWorld(parts, control, starting.move());
    await world.#deploy();
    return world;
  }

  /** The device's own word on itself. */
  status(): Promise<Status> {
    return this.#control.status();
  }

  /** Everything that the cloud has of these streams, in order of arrival. */
  async rows(): Promise<readonly StoredRow[]> {
    for (;;) {
      const page = await this.operator.messages(device, { after: this.#cursor, limit: 1000 });
      for (const { id, epoch, stream, seq, payload, gap } of page.messages) {
        this.#cursor = id;
        if (!streamNames.includes(stream)) continue;
        const place = { epoch, stream, seq };
        if (gap) this.#rows.push({ ...place, id: undefined, gap });
        else this.#rows.push({ ...place, gap: undefined, id: idOf(Buffer.from(payload ?? '', 'base64')) });
      }
      if (page.next === null) return this.#rows;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #deploy(): Promise<void> {
    const sensor = {
      password: await hashPassword(password),
      publish: ['in/#', 'state/#'],
      subscribe: ['in/#', 'state/#'],
      session: { messages: 100_000, bytes: '512MiB' },
    };
    const manifest = {
      ...{ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: device } },
      ...{ clients: { sensor }, streams },
    };
    const { generation } = await this.operator.deploy(device, Buffer.from(canonicalize(manifest)));
    for (;;) {
      const { applied, phase } = await this.status();
      if (applied?.generation === generation && phase === 'committed') return;
      await sleep(20);
    }
  }
}
