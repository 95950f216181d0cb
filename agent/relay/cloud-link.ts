import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import type { z } from 'zod';
import { backoffMs } from '../../lib/retry.ts';
import { clockDoubt } from '../../lib/clock-doubt.ts';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { sendAtOnce } from '../../lib/send-at-once.ts';
import {
  commandMaxBytes,
  commandSchema,
  desiredSchema,
  relayAckSchema,
  reportedAckSchema,
  type Command,
  type CommandStatus,
  type Desired,
  type Online,
  type RelayAck,
  type Reported,
} from '../../cloud-sync/protocol/messages.ts';
import { deviceTopics } from '../../cloud-sync/protocol/topics.ts';
import { AgentError } from '../errors.ts';
import type { UplinkPort } from './ports.ts';
import type { ShadowUplink } from '../shadows/shadow-uplink.ts';
import { ReconnectPace } from './reconnect-pace.ts';
import { pingsOnly, SilenceWatch } from './silence-watch.ts';

type CloudIdentity = {
  readonly tenant: string;
  readonly device: string;
  /** mqtts://host:port */
  readonly mqtt: string;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
};

export type CloudLinkOptions = {
  readonly identity: CloudIdentity;
  readonly boot: string;
  readonly version: string;
  /** A number greater than any before it, on disk before it is used. */
  readonly nextSession: () => Promise<number>;
  /** `live`: said just now, not retained from before this connection. */
  readonly onDesired: (desired: Desired, live: boolean) => Promise<void>;
  readonly onCommand: (id: string, command: Command) => Promise<void>;
  readonly onReportedAck: (seq: number) => void;
  readonly logger: Logger;
  /** How often the link is tried while nothing else comes; see `setKeepAlive`. Default 3 s. */
  readonly keepAliveMs?: number;
  readonly retry?: { readonly minDelayMs: number; readonly maxDelayMs: number };
};

/** Of everything else that comes down. */
const maxPayloadBytes = 16 * 1024;
const publishTimeoutMs = 20_000;
/** Of a shadow: its state, twice with metadata. */
const maxShadowBytes = 512 * 1024;

/**
 * The device's one MQTT connection to the cloud. It connects again for ever, with jitter, and a new session number each
 * time, so that a late last will of an older connection can be told apart.
 */
export class CloudLink implements Omit<UplinkPort, 'onOlderDisk'>, ShadowUplink, AsyncDisposable {
  readonly #options: CloudLinkOptions;
  readonly #topics: ReturnType<typeof deviceTopics>;
  readonly #stop = new AbortController();
  readonly #ackListeners = new Set<(ack: RelayAck) => void>();
  readonly #connectionListeners = new Set<(connected: boolean) => void>();
  readonly #shadowListeners = new Set<(tail: string, payload: Uint8Array) => void>();
  readonly #silence = new SilenceWatch();
  #keepAliveMs: number;
  #client: MqttClient | undefined;
  #loop: Promise<void> = Promise.resolve();
  #lastError: string | null = null;
  #since: string | null = null;

  constructor(options: CloudLinkOptions) {
    this.#options = options;
    this.#topics = deviceTopics(options.identity);
    this.#keepAliveMs = options.keepAliveMs ?? 3000;
  }

  /** Begins to connect, in the background. */
  start(): void {
    this.#loop = this.#run();
  }

  get connected(): boolean {
    return this.#client !== undefined;
  }

  get status(): { connected: boolean; since: string | null; lastError: string | null } {
    return { connected: this.connected, since: this.#since, lastError: this.#lastError };
  }

  async sendRelay(payload: Uint8Array): Promise<void> {
    await this.#publish(this.#topics.relay, payload, false);
  }

  async sendReported(reported: Reported): Promise<void> {
    await this.#publish(this.#topics.reported, JSON.stringify(reported), true);
  }

  async sendCommandStatus(id: string, status: CommandStatus): Promise<void> {
    await this.#publish(this.#topics.commandStatus(id), JSON.stringify(status), false);
  }

  /** `tail` begins behind `…/shadow/`. */
  async sendShadow(tail: string, payload: string): Promise<void> {
    await this.#publish(`${this.#topics.shadowPrefix}${tail}`, payload, false);
  }

  onShadowAnswer(listener: (tail: string, payload: Uint8Array) => void): () => void {
    this.#shadowListeners.add(listener);
    return () => this.#shadowListeners.delete(listener);
  }

  /** Both ends take the link for dead when nothing came for one and a half of it. Another one than before connects anew. */
  setKeepAlive(keepAliveMs: number): void {
    if (keepAliveMs === this.#keepAliveMs) return;
    this.#keepAliveMs = keepAliveMs;
    this.#lastError = 'The keep-alive was changed';
    this.#client?.stream.destroy();
  }

  onRelayAck(listener: (ack: RelayAck) => void): () => void {
    this.#ackListeners.add(listener);
    return () => this.#ackListeners.delete(listener);
  }

  onConnectionChange(listener: (connected: boolean) => void): () => void {
    this.#connectionListeners.add(listener);
    return () => this.#connectionListeners.delete(listener);
  }

  /** Says goodbye when it can: a clean `online: false`, then DISCONNECT. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { retry = { minDelayMs: 250, maxDelayMs: 30_000 }, logger } = this.#options;
    const pace = new ReconnectPace();
    while (!this.#stop.signal.aborted) {
      await this.#session().then(
        (livedMs) => pace.ended(livedMs),
        (error: unknown) => {
          pace.failed();
          this.#lastError = errorMessage(error);
          logger.warn('cloud.connect.failed', { error, attempt: pace.attempt });
        },
      );
      await sleep(backoffMs(pace.attempt, retry), undefined, { signal: this.#stop.signal }).catch(
        () => undefined,
      );
    }
  }

  /** One connection, from CONNECT to its end. Resolves with how long it was established, in milliseconds. */
  async #session(): Promise<number> {
    const { identity, boot, version, nextSession, logger } = this.#options;
    const session = await nextSession();
    const keepAliveMs = this.#keepAliveMs;
    const announce = (online: boolean): string =>
      JSON.stringify({ online, session, boot, agent: version } satisfies Online);
    const client = mqtt.connect(identity.mqtt, {
      ca: identity.ca,
      cert: identity.certificate,
      key: identity.key,
      clientId: identity.device,
      protocolVersion: 4,
      clean: true,
      // MQTT counts in whole seconds.
      keepalive: Math.max(1, Math.round(keepAliveMs / 1000)),
      reschedulePings: false,
      timerVariant: pingsOnly,
      connectTimeout: 10_000,
      reconnectPeriod: 0,
      resubscribe: false,
      will: { topic: this.#topics.online, payload: Buffer.from(announce(false)), qos: 1, retain: true },
    });
    client.once('connect', () => sendAtOnce(client.stream));
    const ended = new Promise<void>((resolve) => client.once('close', resolve));
    client.on('error', (error) => (this.#lastError = why(error)));
    client.on('message', (topic, payload, { retain }) => void this.#receive(topic, payload, !retain));
    const watch = new DisposableStack();
    const stop = (): void => void client.endAsync(true).catch(() => undefined);
    try {
      await Promise.race([new Promise<void>((resolve) => client.once('connect', () => resolve())), ended]);
      if (!client.connected)
        throw new AgentError('cloudUnreachable', this.#lastError ?? `No answer from ${identity.mqtt}`, {
          transient: true,
        });
      watch.defer(this.#silence.watch(client, keepAliveMs, (silentMs) => this.#wentSilent(client, silentMs)));
      await this.#introduce(client, announce(true), ended);
      // It was changed meanwhile.
      if (keepAliveMs !== this.#keepAliveMs) return 0;
      this.#up(client, session);
      const established = performance.now();
      const stopped = aborted(this.#stop.signal).then(() => true);
      if (await Promise.race([ended.then(() => false), stopped]))
        await farewell(client, this.#topics.online, announce(false));
      return performance.now() - established;
    } finally {
      watch.dispose();
      this.#down(client, session);
      stop();
      logger.debug('cloud.session.closed', { session });
    }
  }

  #wentSilent(client: MqttClient, silentMs: number): void {
    this.#lastError = `Nothing came from the cloud for ${silentMs} ms`;
    this.#options.logger.warn('cloud.silent', { silentMs });
    client.stream.destroy();
  }

  async #introduce(client: MqttClient, online: string, ended: Promise<void>): Promise<void> {
    const { desired, reportedAck, relayAck, anyCommand, shadowAnswers } = this.#topics;
    const work = async (): Promise<void> => {
      await client.subscribeAsync([desired, reportedAck, relayAck, anyCommand, ...shadowAnswers], { qos: 1 });
      await client.publishAsync(this.#topics.online, online, { qos: 1, retain: true });
    };
    const lost = ended.then(() => {
      throw notConnected();
    });
    await Promise.race([work(), lost]);
  }

  #up(client: MqttClient, session: number): void {
    this.#client = client;
    this.#since = new Date().toISOString();
    this.#lastError = null;
    this.#options.logger.info('cloud.connected', { session });
    for (const listener of this.#connectionListeners) listener(true);
  }

  #down(client: MqttClient, session: number): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#since = new Date().toISOString();
    this.#options.logger.warn('cloud.disconnected', { session, reason: this.#lastError });
    for (const listener of this.#connectionListeners) listener(false);
  }

  async #publish(topic: string, payload: Uint8Array | string, retain: boolean): Promise<void> {
    const client = this.#client;
    if (!client) throw notConnected();
    const lost = Promise.withResolvers<never>();
    const onClose = (): void => lost.reject(notConnected());
    const timer = setTimeout(onClose, publishTimeoutMs);
    client.once('close', onClose);
    try {
      const published = client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain });
      await Promise.race([published, lost.promise]);
    } finally {
      clearTimeout(timer);
      client.off('close', onClose);
    }
  }

  async #receive(topic: string, payload: Buffer, live: boolean): Promise<void> {
    const { onDesired, onReportedAck, logger } = this.#options;
    try {
      if (topic.startsWith(this.#topics.command(''))) {
        await this.#command(topic, payload);
        return;
      }
      if (topic.startsWith(this.#topics.shadowPrefix)) {
        this.#shadowAnswer(topic, payload);
        return;
      }
      if (payload.length > maxPayloadBytes)
        throw new AgentError('badMessage', `A message of ${payload.length} bytes on ${topic}`);
      if (topic === this.#topics.relayAck) {
        const ack = parse(relayAckSchema, payload, topic);
        for (const listener of this.#ackListeners) listener(ack);
      } else if (topic === this.#topics.reportedAck)
        onReportedAck(parse(reportedAckSchema, payload, topic).seq);
      else if (topic === this.#topics.desired) await onDesired(parse(desiredSchema, payload, topic), live);
    } catch (error) {
      // Nonsense from the cloud changes nothing here.
      logger.error('cloud.message.refused', { topic, error });
    }
  }

  #shadowAnswer(topic: string, payload: Buffer): void {
    if (payload.length > maxShadowBytes)
      throw new AgentError('badMessage', `A message of ${payload.length} bytes on ${topic}`);
    const tail = topic.slice(this.#topics.shadowPrefix.length);
    for (const listener of this.#shadowListeners) listener(tail, payload);
  }

  /** Whoever waits for a command that cannot be read is told so. */
  async #command(topic: string, payload: Buffer): Promise<void> {
    const id = topic.slice(this.#topics.command('').length);
    const command = readCommand(payload, topic);
    if (!(command instanceof AgentError)) return this.#options.onCommand(id, command);
    const { code, message } = command;
    await this.sendCommandStatus(id, { status: 'rejected', error: { code, message } });
    throw command;
  }
}

function why(error: Error): string {
  const doubt = clockDoubt(error);
  return `${error.message || error.name}${doubt === undefined ? '' : `. ${doubt}`}`;
}

function readCommand(payload: Buffer, topic: string): Command | AgentError {
  if (payload.length > commandMaxBytes)
    return new AgentError(
      'tooLarge',
      `The command has ${payload.length} bytes; at most ${commandMaxBytes} are taken`,
    );
  try {
    return parse(commandSchema, payload, topic);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, payload: Buffer, topic: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(payload.toString('utf8')));
  } catch (cause) {
    throw new AgentError('badMessage', `The cloud sent something on ${topic} that is not of the protocol`, {
      cause,
    });
  }
}

function notConnected(): AgentError {
  return new AgentError('cloudUnreachable', 'The link to the cloud is down', { transient: true });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function farewell(client: MqttClient, topic: string, payload: string): Promise<void> {
  const goodbye = client.publishAsync(topic, payload, { qos: 1, retain: true }).then(() => client.endAsync());
  await Promise.race([goodbye.catch(() => undefined), sleep(1000)]);
}
