import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import {
  startControlPlane,
  type ControlPlane,
  type ControlPlaneOptions,
} from '../../cloud-sync/control-plane/main.ts';
import type { EnrolResponse } from '../../cloud-sync/protocol/api.ts';
import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import type { Online, Reported } from '../../cloud-sync/protocol/messages.ts';
import { encodeRelayBatch, type RelayBatch, type RelayEntry } from '../../cloud-sync/protocol/relay-batch.ts';
import { deviceTopics } from '../../cloud-sync/protocol/topics.ts';
import { createCsr, createDeviceKey, parseEnrolmentToken } from '../../cloud-sync/trust/index.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { canonicalize } from '../../manifests/index.ts';
import { temporaryFolder } from './cli.ts';

export type TestCloud = AsyncDisposable & {
  readonly folder: string;
  readonly events: readonly LogEvent[];
  readonly plane: ControlPlane;
  /** As the operator. */
  readonly operator: ControlPlaneClient;
  /** As nobody. */
  readonly anybody: ControlPlaneClient;
  /** Ends the control plane and starts another one over the same folder. */
  restart(): Promise<void>;
  enrol(device: string): Promise<TestDevice>;
  /** Moves its clock. */
  advance(ms: number): void;
};

/** A control plane on free loopback ports over a temporary folder, with a clock that can be moved. */
export async function startCloud(
  options: Pick<ControlPlaneOptions, 'vaultQuotaBytes'> = {},
): Promise<TestCloud> {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await temporaryFolder()).path;
  const events: LogEvent[] = [];
  let offsetMs = 0;
  const start = () =>
    startControlPlane({
      folder,
      apiPort: 0,
      mqttPort: 0,
      logger: createLogger((event) => events.push(event)),
      signal: new AbortController().signal,
      now: () => new Date(Date.now() + offsetMs),
      ...options,
    });
  let plane = await start();
  starting.defer(() => plane[Symbol.asyncDispose]());
  const http = starting.use(createHttpsClient({ ca: plane.caPem }));
  const { url, operatorToken: token } = plane;
  const operator = new ControlPlaneClient({ http, url, token });
  const anybody = new ControlPlaneClient({ http, url });
  const resources = starting.move();
  return {
    folder,
    events,
    operator,
    anybody,
    get plane() {
      return plane;
    },
    async restart() {
      await plane[Symbol.asyncDispose]();
      plane = await start();
    },
    async enrol(device) {
      const { token } = await operator.createEnrolmentToken({ device });
      const { privateKeyPem: key } = createDeviceKey();
      const { secret } = parseEnrolmentToken(token);
      const identity = await anybody.enrol({ device, secret, csr: await createCsr(key, device) });
      return asDevice(url, { ...identity, key });
    },
    advance(ms) {
      offsetMs += ms;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export type Enrolled = EnrolResponse & { readonly key: string };
export type TestDevice = AsyncDisposable & {
  readonly identity: Enrolled;
  readonly api: ControlPlaneClient;
  /** Connects by MQTT; rejects with the refusal. */
  connect(options?: Partial<IClientOptions>): Promise<Link>;
};

export function asDevice(url: string, identity: Enrolled): TestDevice {
  const { ca, certificate, key, mqtt: mqttUrl, device } = identity;
  const http = createHttpsClient({ ca, identity: { certificate, key } });
  return {
    identity,
    api: new ControlPlaneClient({ http, url }),
    connect: (options) =>
      openLink(mqttUrl, { ca, cert: certificate, key, clientId: device, ...options }, identity),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

export type Received = { readonly topic: string; readonly payload: Buffer; readonly retain: boolean };
export type Link = AsyncDisposable & {
  readonly client: MqttClient;
  readonly topics: ReturnType<typeof deviceTopics>;
  readonly received: readonly Received[];
  readonly closed: Promise<unknown>;
  /** The next message on `topic` that was not taken yet. */
  next(topic: string): Promise<Received>;
  send(topic: string, body: unknown, options?: { readonly retain?: boolean }): Promise<void>;
  /** The same, without waiting for the broker. */
  say(topic: string, body: unknown): void;
  relay(batch: RelayBatch): Promise<void>;
};

export async function openLink(
  url: string,
  options: Partial<IClientOptions>,
  address = { tenant: 'default', device: 'none' },
): Promise<Link> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options }, false);
  const received: Received[] = [];
  const waiting: { topic: string; resolve: (message: Received) => void }[] = [];
  client.on('message', (topic, payload, { retain }) => {
    const message = { topic, payload, retain };
    const at = waiting.findIndex((waiter) => waiter.topic === topic);
    if (at < 0) received.push(message);
    else waiting.splice(at, 1)[0]?.resolve(message);
  });
  const closed = new Promise((resolve) => client.once('close', () => resolve(undefined)));
  const topics = deviceTopics(address);
  const send = async (topic: string, payload: string | Buffer, retain: boolean) => {
    const published = client.publishAsync(topic, payload, { qos: 1, retain });
    const lost = closed.then(() => {
      throw new Error('the connection was closed');
    });
    await Promise.race([published, lost]);
  };
  return {
    client,
    topics,
    received,
    closed,
    next(topic) {
      const at = received.findIndex((message) => message.topic === topic);
      const [message] = at < 0 ? [] : received.splice(at, 1);
      if (message) return Promise.resolve(message);
      return new Promise((resolve) => waiting.push({ topic, resolve }));
    },
    send: (topic, body, { retain = false } = {}) => send(topic, JSON.stringify(body), retain),
    say: (topic, body) => void client.publish(topic, JSON.stringify(body), { qos: 1 }),
    relay: async (batch) => send(topics.relay, await packBatch(batch), false),
    [Symbol.asyncDispose]: () => client.endAsync(true),
  };
}

const compress = promisify(zstdCompress);

export async function packBatch(batch: RelayBatch): Promise<Buffer> {
  return compress(Buffer.from(encodeRelayBatch(batch)));
}

/** Of anything that is no batch. */
export async function packJson(json: unknown): Promise<Buffer> {
  return compress(Buffer.from(JSON.stringify(json)));
}

export const epoch = '00112233445566ff';

export function batchOf(
  firstSeq: number,
  lastSeq: number,
  { stream = 'telemetry', epoch: of = epoch }: { stream?: string; epoch?: string } = {},
): RelayBatch {
  const entries = Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => entryOf(firstSeq + index));
  return { epoch: of, stream, firstSeq, lastSeq, entries };
}

const entryOf = (seq: number): RelayEntry => ({
  ...{ seq, time: Date.UTC(2026, 0, 1), gap: undefined, topic: 'site/temperature' },
  payload: Buffer.from(JSON.stringify({ value: seq })),
  contentType: undefined,
});

export const manifestFor = (name: string, labels: Record<string, string> = {}) =>
  Buffer.from(canonicalize({ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name, labels } }));

export const online = (session: number, isOnline = true): Online => ({
  online: isOnline,
  session,
  boot: 'b',
  agent: '0.1.0',
});

export const report = (seq: number): Reported => ({
  seq,
  observed: null,
  applied: null,
  digest: null,
  phase: null,
  conditions: [],
  components: {},
});

export const json = ({ payload }: { payload: Buffer }): unknown => JSON.parse(payload.toString());

/** Hears all that is said to the device. */
export async function subscribe(link: Link): Promise<Link> {
  const { desired, reportedAck, relayAck, anyCommand } = link.topics;
  await link.client.subscribeAsync([desired, reportedAck, relayAck, anyCommand], { qos: 1 });
  return link;
}

/**
 * Polls, as what is watched has no event to wait for: half of the time at most, as a look may be a whole command, and takes from what it
 * waits for.
 */
export async function eventually(check: () => Promise<boolean> | boolean): Promise<void> {
  for (;;) {
    const startedMs = performance.now();
    if (await check()) return;
    await sleep(Math.max(20, performance.now() - startedMs));
  }
}
