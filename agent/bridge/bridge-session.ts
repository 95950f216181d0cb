import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import { sendAtOnce } from '../../lib/send-at-once.ts';
import { AgentError } from '../errors.ts';

export type BridgeSessionOptions = {
  readonly url: string;
  readonly clientId: string;
  /** Whether the other broker forgets this client with the connection. */
  readonly clean: boolean;
  readonly keepAliveMs: number;
  /** Secrets as they are now; rejects when one is missing. */
  readonly credentials: () => Promise<Credentials>;
  /** Set up before the first packet comes. */
  readonly prepare?: (client: MqttClient) => IClientOptions;
  /** The connection stands; `signal` aborts when it ends. A rejection ends it. `resumed`: the other broker knew this client. */
  readonly run: (
    client: MqttClient,
    context: { readonly signal: AbortSignal; readonly resumed: boolean },
  ) => Promise<void>;
  readonly logger: Logger;
  readonly onChange: () => void;
  readonly random?: () => number;
};

export type Credentials = Pick<IClientOptions, 'username' | 'password' | 'ca' | 'cert' | 'key'>;

export type SessionStatus = {
  readonly connected: boolean;
  /** The other broker does not take these credentials. */
  readonly refused: boolean;
  readonly since: string | null;
  readonly lastError: string | null;
};

const connectTimeoutMs = 10_000;
const retryDelays = { minDelayMs: 500, maxDelayMs: 30_000 };
/** What was refused is not right a second later: an account that counts failures is not to be locked. */
const refusedDelays = { minDelayMs: 60_000, maxDelayMs: 60_000 };
const goodbyeMs = 1000;
/** A session that lasted this long was a good one. */
const goodSessionMs = 10_000;
/** CONNACK: identifier rejected, bad user name or password, not authorized [MQTT-3.2.2.3]. */
const refusals = [2, 4, 5];

/** One MQTT connection to another broker, again and again, with jitter. */
export class BridgeSession implements AsyncDisposable {
  readonly #options: BridgeSessionOptions;
  readonly #stop = new AbortController();
  #client: MqttClient | undefined;
  #loop: Promise<void> = Promise.resolve();
  #pause = new AbortController();
  #connected = false;
  #refused = false;
  #since: string | null = null;
  #lastError: string | null = null;

  constructor(options: BridgeSessionOptions) {
    this.#options = options;
  }

  get status(): SessionStatus {
    const [connected, refused, since, lastError] = [
      this.#connected,
      this.#refused,
      this.#since,
      this.#lastError,
    ];
    return { connected, refused, since, lastError };
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Connects anew, at once, such as with other secrets. */
  restart(): void {
    this.#pause.abort();
    this.end('its secrets changed');
  }

  /** Ends the present connection; another follows. */
  end(reason: string): void {
    if (!this.#client) return;
    this.#lastError = reason;
    this.#client.stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#pause.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { logger, random = Math.random } = this.#options;
    let failures = 0;
    for (;;) {
      this.#pause = new AbortController();
      const begun = performance.now();
      await this.#session().catch((error: unknown) => {
        this.#lastError = errorMessage(error);
      });
      failures = performance.now() - begun > goodSessionMs ? 1 : failures + 1;
      this.#change(false);
      if (this.#stop.signal.aborted) return;
      const delayMs = backoffMs(failures, { ...(this.#refused ? refusedDelays : retryDelays), random });
      logger.warn('bridge.disconnected', {
        error: this.#lastError,
        refused: this.#refused,
        retryMs: delayMs,
      });
      await sleep(delayMs, undefined, { signal: this.#pause.signal }).catch(() => undefined);
    }
  }

  async #session(): Promise<void> {
    this.#refused = false;
    this.#lastError = null;
    const client = await this.#connect();
    const over = new AbortController();
    const ended = new Promise<void>((resolve) =>
      client.once('close', () => {
        over.abort();
        resolve();
      }),
    );
    const stopped = (): void => void farewell(client);
    this.#stop.signal.addEventListener('abort', stopped, { once: true });
    let running: Promise<void> = Promise.resolve();
    try {
      const resumed = await established(client, ended);
      this.#change(true);
      running = this.#options.run(client, { signal: over.signal, resumed });
      await Promise.race([running.then(() => ended), ended]);
      this.#lastError ??= 'the other side ended the connection';
    } finally {
      this.#stop.signal.removeEventListener('abort', stopped);
      this.#client = undefined;
      over.abort();
      client.end(true);
      await running.catch(() => undefined);
    }
  }

  async #connect(): Promise<MqttClient> {
    const { url, clientId, clean, keepAliveMs, credentials, prepare } = this.#options;
    const secret = await credentials();
    this.#stop.signal.throwIfAborted();
    const client = mqtt.connect(url, {
      ...secret,
      ...{ clientId, clean, protocolVersion: 4, connectTimeout: connectTimeoutMs },
      ...{ reconnectPeriod: 0, resubscribe: false },
      keepalive: Math.ceil(keepAliveMs / 1000),
      // Else whoever publishes all the time would never find out that nobody listens.
      reschedulePings: false,
      manualConnect: true,
    });
    Object.assign(client.options, prepare?.(client));
    client.once('connect', () => sendAtOnce(client.stream));
    client.on('error', (error) => this.#note(error));
    this.#client = client;
    client.connect();
    return client;
  }

  #note(error: Error): void {
    const code = 'code' in error ? error.code : undefined;
    if (typeof code === 'number') this.#refused = refusals.includes(code);
    // Node reports a name that resolves to several addresses, all deaf, without a text.
    this.#lastError = error.message || (typeof code === 'string' ? code : error.name);
  }

  #change(connected: boolean): void {
    if (connected !== this.#connected) this.#since = new Date().toISOString();
    this.#connected = connected;
    if (connected) this.#options.logger.info('bridge.connected', {});
    this.#options.onChange();
  }
}

/** Resolves when the broker let us in, with whether it had a session of ours; rejects when the connection ends before. */
async function established(client: MqttClient, ended: Promise<void>): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  client.once('connect', ({ sessionPresent }) => resolve(sessionPresent));
  client.once('error', reject);
  void ended.then(() =>
    reject(
      new AgentError('cloudUnreachable', 'The connection ended before it was established', {
        transient: true,
      }),
    ),
  );
  try {
    return await promise;
  } finally {
    client.off('error', reject);
  }
}

/** What is on its way may still be acknowledged, or it would be sent again at the next start. */
async function farewell(client: MqttClient): Promise<void> {
  if (client.connected) await Promise.race([client.endAsync(), sleep(goodbyeMs)]).catch(() => undefined);
  client.end(true);
  client.stream.destroy();
}
