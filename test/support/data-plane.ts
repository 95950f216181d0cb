import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import mqtt, { type MqttClient } from 'mqtt';
import { DataPlane, type DataPlaneOptions } from '../../agent/data-plane.ts';
import type {
  FunctionRuntimePort,
  InvocationEffects,
  InvocationEvent,
  InvocationResult,
} from '../../agent/triggers/ports.ts';
import type { FunctionResponse } from '../../functions/index.ts';
import type { QueueOutcome } from '../../functions/runtime/ports.ts';
import type { UplinkPort } from '../../agent/relay/ports.ts';
import type { RelayAck } from '../../cloud-sync/protocol/messages.ts';
import { decodeRelayBatch, type RelayBatch, type RelayEntry } from '../../cloud-sync/protocol/relay-batch.ts';
import { digestOf } from '../../lib/digest.ts';
import { silentLogger } from '../../lib/logger.ts';
import { hashPassword } from '../../lib/password.ts';
import { machineSchema, type Machine } from '../../manifests/machine.ts';

export type Sections = Partial<
  Record<'functions' | 'streams' | 'clients' | 'listeners' | 'volumes' | 'bridges', Record<string, object>>
>;

export const password = 'correct horse';

/** A machine with one client, `sensor`, that may use every topic unless `sections` says otherwise. */
export async function machineWith(sections: Sections): Promise<Machine> {
  const hash = await passwordHash;
  const anything = { password: hash, publish: ['#'], subscribe: ['#'] };
  const clients = Object.fromEntries(
    Object.entries(sections.clients ?? { sensor: anything }).map(([name, spec]) => [
      name,
      { password: hash, ...spec },
    ]),
  );
  const functions = Object.fromEntries(
    Object.entries(sections.functions ?? {}).map(([name, spec]) => [
      name,
      { bundle: bundleReference, ...spec },
    ]),
  );
  return machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    ...sections,
    clients,
    functions,
  });
}

const passwordHash = hashPassword(password);
const bundleReference = `registry.example.com/acme/fn@sha256:${'a'.repeat(64)}`;

export type FakeBundle = { readonly digest: ReturnType<typeof digestOf> };

export function bundlesOf(machine: Machine, version = ''): Map<string, FakeBundle> {
  return new Map(Object.keys(machine.functions).map((name) => [name, { digest: digestOf(name + version) }]));
}

export type Handler = (event: InvocationEvent, effects: InvocationEffects, signal: AbortSignal) => unknown;

/** Runs handlers in this process: what the data plane sees of a runtime. */
export class FakeRuntime implements FunctionRuntimePort<FakeBundle> {
  readonly handlers: Record<string, Handler>;
  readonly log: string[] = [];
  /** What every invocation says that it used. */
  usage = { cpuMs: 0, egressBytes: 0 };

  constructor(handlers: Record<string, Handler> = {}) {
    this.handlers = handlers;
  }

  deploy({ name }: { readonly name: string }): Promise<void> {
    this.log.push(`deploy ${name}`);
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.log.push(`remove ${name}`);
    return Promise.resolve();
  }

  async invoke(
    name: string,
    event: InvocationEvent,
    effects: InvocationEffects,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<InvocationResult> {
    const handler = this.handlers[name];
    if (!handler) throw new Error(`no handler for ${name}`);
    const value = await handler(event, effects, signal);
    const used = { wallMs: 0, coldStart: false, ...this.usage };
    if (event.kind === 'fetch') return { value: undefined, response: value as FunctionResponse, ...used };
    if (event.kind === 'queue') return { value: undefined, queue: value as QueueOutcome, ...used };
    return { value, ...used };
  }
}

const decompress = promisify(zstdDecompress);

/** The cloud's side of the relay, as the protocol wants it, with switches for what goes wrong on the way. */
export class FakeCloud implements UplinkPort {
  connected = true;
  /** Batches that come while this is true are taken and stored, and their ack is lost. */
  loseAcks = false;
  /** Batches that come while this is true are lost on the way, after their PUBACK. */
  loseBatches = false;
  readonly batches: RelayBatch[] = [];
  readonly stored = new Map<string, RelayEntry[]>();
  #epoch: string | undefined;
  readonly #ackListeners = new Set<(ack: RelayAck) => void>();
  readonly #changeListeners = new Set<(connected: boolean) => void>();
  readonly #olderListeners = new Set<() => Promise<void>>();

  async sendRelay(payload: Uint8Array): Promise<void> {
    if (!this.connected) throw new Error('not connected');
    const batch = decodeRelayBatch(JSON.parse((await decompress(payload)).toString('utf8')));
    if (typeof batch === 'string') throw new Error(batch);
    this.batches.push(batch);
    if (this.loseBatches) return;
    // Numbers of one epoch say nothing of another's.
    if (this.#epoch !== undefined && batch.epoch !== this.#epoch) this.stored.clear();
    this.#epoch = batch.epoch;
    const rows = this.rows(batch.stream);
    const last = rows.at(-1)?.seq ?? 0;
    if (batch.firstSeq <= last + 1) rows.push(...batch.entries.filter(({ seq }) => seq > last));
    if (this.loseAcks) return;
    const ack = { epoch: batch.epoch, stream: batch.stream, seq: rows.at(-1)?.seq ?? 0 };
    setImmediate(() => this.acknowledge(ack));
  }

  acknowledge(ack: RelayAck): void {
    for (const listener of this.#ackListeners) listener(ack);
  }

  rows(stream: string): RelayEntry[] {
    const rows = this.stored.get(stream) ?? [];
    this.stored.set(stream, rows);
    return rows;
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#changeListeners) listener(connected);
  }

  onRelayAck(listener: (ack: RelayAck) => void): () => void {
    this.#ackListeners.add(listener);
    return () => this.#ackListeners.delete(listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /** It knows more of the device than the device's disk does. */
  async findOlder(): Promise<void> {
    await Promise.all([...this.#olderListeners].map((listener) => listener()));
  }

  onOlderDisk(listener: () => Promise<void>): () => void {
    this.#olderListeners.add(listener);
    return () => this.#olderListeners.delete(listener);
  }
}

export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function connectTo(
  port: number,
  options: mqtt.IClientOptions = {},
): Promise<AsyncDisposable & { readonly client: MqttClient }> {
  const client = await mqtt.connectAsync(
    `mqtt://127.0.0.1:${port}`,
    { username: 'sensor', password, reconnectPeriod: 0, ...options },
    false,
  );
  client.on('error', () => undefined);
  return { client, [Symbol.asyncDispose]: () => client.endAsync(true) };
}

/** Waits, without a fixed time, until `condition` holds. The test's own timeout is the limit. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

export const text = (payload: Uint8Array | string | null | undefined): string =>
  typeof payload === 'string'
    ? Buffer.from(payload, 'base64').toString()
    : Buffer.from(payload ?? []).toString();

export type Device = AsyncDisposable & {
  readonly plane: DataPlane<FakeBundle>;
  readonly runtime: FakeRuntime;
  readonly root: string;
};

export type DeviceOptions = Pick<
  Partial<DataPlaneOptions<FakeBundle>>,
  'http' | 'secrets' | 'logger' | 'identity' | 'now'
> & {
  readonly handlers?: Record<string, Handler>;
  readonly root?: string;
};

/** A data plane that follows `sections`, or nothing yet, on `root` or on a folder of its own. */
export async function openDevice(
  sections: Sections | undefined,
  { handlers = {}, root: given, identity, logger = silentLogger, ...more }: DeviceOptions = {},
): Promise<Device> {
  const resources = new AsyncDisposableStack();
  const root = given ?? resources.use(await temporaryFolder()).path;
  const runtime = new FakeRuntime(handlers);
  const mqtt = { host: '127.0.0.1', port: 0 };
  const plane = resources.use(
    await DataPlane.open<FakeBundle>({ root, identity, mqtt, runtime, logger, ...more }),
  );
  if (sections !== undefined) {
    const machine = await machineWith(sections);
    await plane.configure(machine, bundlesOf(machine));
  }
  return { plane, runtime, root, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}
