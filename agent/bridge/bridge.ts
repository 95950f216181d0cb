import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import type { Component } from '../../cloud-sync/protocol/messages.ts';
import type { Logger } from '../../lib/logger.ts';
import type { BridgeSpec } from '../../manifests/network.ts';
import { AgentError } from '../errors.ts';
import type { SecretSource } from '../gateway/ports.ts';
import { BridgeInlet, type InletStatus } from './bridge-inlet.ts';
import { BridgeReader, type ReaderStatus } from './bridge-reader.ts';
import { BridgeSession, type Credentials, type SessionStatus } from './bridge-session.ts';
import type { BridgeStore, PublishHere } from './ports.ts';
import { PriorityGate } from './priority-gate.ts';

export type BridgeOptions = {
  readonly name: string;
  readonly spec: BridgeSpec;
  /** The machine's name. */
  readonly device: string;
  /** Bridges to the same broker, this one too: what came in over them does not go out. */
  readonly origins: ReadonlySet<string>;
  readonly store: BridgeStore;
  readonly publish: PublishHere;
  readonly secrets: Pick<SecretSource, 'get'>;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly onChange: () => void;
};

export type BridgeStatus = SessionStatus & {
  readonly url: string;
  readonly out: ReaderStatus[];
  readonly in: InletStatus | null;
};

/** On their way at once over one connection. Brokers take fewer of QoS 2, whose every message is held on both sides. */
const inFlight = { count: 200, bytes: 2 ** 20 };
const maxExactInFlight = 20;
const minStallMs = 10_000;
const goodbyeMs = 2000;

/**
 * One entry of `bridges`: what goes out and what comes in have a connection each. What comes in needs a session that the
 * other broker remembers; in such a one the packet ids of what goes out would be taken for those of an earlier connection.
 */
export class Bridge implements AsyncDisposable {
  readonly #options: BridgeOptions;
  readonly #readers: readonly BridgeReader[];
  readonly #inlet: BridgeInlet | undefined;
  readonly #out: BridgeSession | undefined;
  readonly #in: BridgeSession | undefined;
  #subscriber: MqttClient | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const { name, spec, device, logger, publish } = options;
    this.#readers = spec.out.map(
      (entry, index) => new BridgeReader({ ...options, bridge: name, index, spec: entry }),
    );
    if (spec.in.length > 0)
      this.#inlet = new BridgeInlet({ bridge: name, entries: spec.in, device, publish, logger });
    const id = spec.clientId ?? `${device}-${name}`;
    if (spec.out.length > 0) this.#out = this.#outSession(this.#inlet ? `${id}-out` : id);
    if (this.#inlet) this.#in = this.#inSession(this.#inlet, id);
  }

  get spec(): BridgeSpec {
    return this.#options.spec;
  }

  /** Names of the secrets it connects with. */
  get secrets(): readonly string[] {
    const { password, tls } = this.spec;
    return [password, tls.ca, tls.certificate, tls.key].filter((name) => name !== undefined);
  }

  get status(): BridgeStatus {
    const sessions = this.#sessions.map(({ status }) => status);
    const worst = sessions.find(({ connected }) => !connected) ?? sessions[0] ?? unused;
    const out = this.#readers.map(({ status }) => status);
    return { ...worst, url: this.spec.url, out, in: this.#inlet?.status ?? null };
  }

  get component(): Component {
    const { connected, refused, lastError } = this.status;
    if (connected) return { kind: 'bridge', state: 'running' };
    const message = refused
      ? `The broker refuses the connection: ${lastError ?? ''}. Correct the user, the password or the certificate.`
      : `Not connected: ${lastError ?? 'connecting'}`;
    return { kind: 'bridge', state: refused ? 'failed' : 'waiting', message: message.slice(0, 2048) };
  }

  start(): void {
    for (const session of this.#sessions) session.start();
  }

  /** With secrets that changed. */
  reconnect(): void {
    for (const session of this.#sessions) session.restart();
  }

  /** The other broker is told that these filters are not wanted any more, when it can be told now. */
  async forget(filters: readonly string[]): Promise<void> {
    const client = this.#subscriber;
    if (!client || !this.#inlet) return;
    const told = this.#inlet.unsubscribe(client, filters).catch(() => undefined);
    await Promise.race([told, sleep(goodbyeMs)]);
  }

  /** Ends its connections; cursors are written down. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session[Symbol.asyncDispose]()));
    await Promise.all(this.#readers.map((reader) => reader.stop()));
  }

  get #sessions(): BridgeSession[] {
    return [this.#out, this.#in].filter((session) => session !== undefined);
  }

  #outSession(clientId: string): BridgeSession {
    const session: BridgeSession = new BridgeSession({
      ...this.#common(clientId, 'out'),
      clean: true,
      run: (client, { signal }) => this.#publish(client, session, signal),
    });
    return session;
  }

  #inSession(inlet: BridgeInlet, clientId: string): BridgeSession {
    return new BridgeSession({
      ...this.#common(clientId, 'in'),
      clean: false,
      prepare: (client) => inlet.prepare(client),
      run: async (client, { signal, resumed }) => {
        this.#subscriber = client;
        signal.addEventListener('abort', () => (this.#subscriber = undefined), { once: true });
        await inlet.subscribe(client, resumed);
      },
    });
  }

  #common(clientId: string, direction: 'out' | 'in') {
    const { spec, logger, onChange } = this.#options;
    return {
      ...{ url: spec.url, clientId, keepAliveMs: spec.keepAlive, onChange },
      credentials: () => this.#credentials(),
      logger: logger.child({ direction }),
    };
  }

  /** Until the connection ends, or a reader fails. */
  async #publish(client: MqttClient, session: BridgeSession, signal: AbortSignal): Promise<void> {
    const { spec } = this.#options;
    const failed = new AbortController();
    const both = AbortSignal.any([signal, failed.signal]);
    const count = spec.out.some(({ qos }) => qos === 2) ? maxExactInFlight : inFlight.count;
    const gate = new PriorityGate({ ...inFlight, count });
    const stallMs = Math.max(minStallMs, 2 * spec.keepAlive);
    const watch = setInterval(() => {
      // Answers to pings prove that somebody listens, not that what we publish is taken.
      if (this.#readers.some(({ stalledMs }) => stalledMs > stallMs))
        session.end(`nothing was acknowledged for ${stallMs} ms`);
    }, 1000);
    try {
      const running = this.#readers.map((reader) =>
        reader.run(client, gate, both).catch((error: unknown) => {
          failed.abort();
          throw error;
        }),
      );
      await Promise.allSettled(running);
      await Promise.all(running);
    } finally {
      clearInterval(watch);
    }
  }

  async #credentials(): Promise<Credentials> {
    const { spec } = this.#options;
    const { password, tls, username } = spec;
    const secret = async (name: string | undefined): Promise<string | undefined> => {
      if (name === undefined) return undefined;
      const value = await this.#options.secrets.get(name);
      if (value !== undefined) return value;
      throw new AgentError('unknownSecret', `The secret ${name} is not set`, {
        hint: `Set it with holdfast secrets set ${name}.`,
      });
    };
    const found = {
      username,
      password: await secret(password),
      ca: await secret(tls.ca),
      cert: await secret(tls.certificate),
      key: await secret(tls.key),
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  }
}

const unused: SessionStatus = { connected: true, refused: false, since: null, lastError: null };
