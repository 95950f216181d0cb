import type { Client, ConnectPacket, Subscription } from 'aedes';
import { errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { filterCovers, topicMatches } from '../../lib/topic-filter.ts';
import type { ClientSpec } from '../../manifests/network.ts';
import { maxTopicBytes } from '../streams/bounds.ts';
import type { AedesClient } from './aedes-client.ts';
import { Credentials, type VerifyPassword } from './credentials.ts';
import { LoginAttempts } from './login-attempts.ts';
import { PacketGuard, type Peer } from './packet-guard.ts';
import type { Qos } from './subscription-tree.ts';

/** The id is the client's own, but printable, free of wildcards and levels, and not a path. */
const clientIdPattern = /^[A-Za-z0-9_.:|@-]{0,128}$/;
/** Of one connection, and of all; those of sessions are counted by themselves. */
const maxSubscriptions = 1000;
const maxAllSubscriptions = 50_000;
/** Topics of a client whose answer is remembered. */
const maxRemembered = 1000;

/** CONNACK return codes [MQTT-3.2.2]. */
export const connack = { accepted: 0, identifierRejected: 2, notAuthorized: 5 } as const;
type ReturnCode = (typeof connack)[keyof typeof connack];

type Greeted = {
  readonly name: string;
  readonly will: string | undefined;
  readonly isIdentified: boolean;
};

export type AdmissionOptions = {
  readonly verifyPassword: VerifyPassword;
  /** Whether a client of this name may leave a session behind. */
  readonly keepsSessions: (name: string) => boolean;
  /** How many subscriptions sessions have. */
  readonly keptSubscriptions: () => number;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** Who may connect, and what each may publish and subscribe to: the clients of the manifest, nobody else. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #credentials: Credentials;
  readonly #attempts: LoginAttempts;
  readonly #greeted = new WeakMap<Client, Greeted>();
  /** What each client's entry was when its credential was checked. */
  readonly #admitted = new WeakMap<Client, ClientSpec>();
  /** By filter. */
  readonly #granted = new WeakMap<Client, Map<string, Qos>>();
  /** By topic, of each client of the manifest: asked at every message. */
  readonly #mayPublish = new WeakMap<ClientSpec, Map<string, boolean>>();
  #subscriptions = 0;
  #clients: ReadonlyMap<string, ClientSpec> = new Map();
  #names: ReadonlyMap<string, string> = new Map();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#credentials = new Credentials(options.verifyPassword);
    this.#attempts = new LoginAttempts(options.now);
  }

  setClients(clients: ReadonlyMap<string, ClientSpec>): void {
    this.#clients = clients;
    this.#names = new Map(
      [...clients].flatMap(([name, { certificate }]) =>
        certificate === undefined ? [] : [[certificate, name]],
      ),
    );
  }

  /** Of a client that was let in. */
  nameOf(client: Client): string | undefined {
    return this.#admitted.has(client) ? this.#greeted.get(client)?.name : undefined;
  }

  /** Reads CONNECT before anything is checked, and makes the client id the credential's own. */
  greet(client: Client, packet: ConnectPacket): void {
    const { clientId, will } = packet;
    const name = packet.username ?? this.#names.get(this.#peer(client)?.fingerprint ?? '') ?? '';
    // [MQTT-3.1.3-8] Without an id there is no session to come back to.
    const isIdentified = clientIdPattern.test(clientId) && (clientId !== '' || packet.clean === true);
    // Nobody takes over a session by guessing an id.
    packet.clientId = isIdentified && clientId !== '' ? `${name}/${clientId}` : '';
    if (!isIdentified || !this.#options.keepsSessions(name)) packet.clean = true;
    this.#greeted.set(client, { name, will: will?.topic, isIdentified });
  }

  /** A refusal is `notAuthorized`, whatever its cause: a stranger learns nothing of which names exist. */
  async login(client: Client, password: Buffer | undefined): Promise<ReturnCode> {
    const { logger } = this.#options;
    const { name, isIdentified } = this.#greeted.get(client) ?? { name: '', isIdentified: false };
    if (!isIdentified) {
      logger.warn('mqtt.connect.refused', { reason: 'client id' });
      return connack.identifierRejected;
    }
    const spec = this.#clients.get(name);
    if (!spec) {
      logger.warn('mqtt.connect.refused', { reason: 'unknown client' });
      return connack.notAuthorized;
    }
    try {
      const fault = (await this.#check(client, spec, password)) ?? this.#objection(client, name, spec);
      if (fault === undefined) {
        this.#admitted.set(client, spec);
        return connack.accepted;
      }
      logger.warn('mqtt.connect.refused', { client: name, reason: fault });
    } catch (error) {
      logger.error('mqtt.connect.failed', { client: name, error: errorMessage(error) });
    }
    return connack.notAuthorized;
  }

  /** Whether the entry by which the client was let in still stands. */
  isInForce(client: Client): boolean {
    return isSame(this.#admitted.get(client), this.#clients.get(this.#greeted.get(client)?.name ?? ''));
  }

  mayPublish(name: string | undefined, topic: string): boolean {
    const spec = name === undefined ? undefined : this.#clients.get(name);
    if (spec === undefined) return false;
    const known = this.#mayPublish.get(spec) ?? new Map<string, boolean>();
    const remembered = known.get(topic);
    if (remembered !== undefined) return remembered;
    const may = mayPublish(spec, topic);
    if (known.size >= maxRemembered) known.clear();
    this.#mayPublish.set(spec, known.set(topic, may));
    return may;
  }

  mayRead(name: string | undefined, filter: string): boolean {
    const spec = name === undefined ? undefined : this.#clients.get(name);
    return (
      isFilter(filter) &&
      !filter.startsWith('$') &&
      (spec?.subscribe.some((grant) => filterCovers(grant, filter)) ?? false)
    );
  }

  /**
   * What aedes is to subscribe, or null for a refusal (0x80). It listens with QoS 2, and `effectiveQos` lowers each message to
   * what was granted: aedes itself does so only for filters without wildcards.
   */
  grant(client: Client, subscription: Subscription): Subscription | null {
    const { topic: filter, qos } = subscription;
    const granted = this.#granted.get(client) ?? new Map<string, Qos>();
    const name = this.nameOf(client);
    const isNew = !granted.has(filter);
    const all = Math.max(this.#subscriptions, this.#options.keptSubscriptions());
    const isFull = isNew && (granted.size >= maxSubscriptions || all >= maxAllSubscriptions);
    if (client.closed) return null;
    if (isFull || !this.mayRead(name, filter)) {
      const shown = filter.slice(0, maxTopicBytes);
      const reason = isFull ? 'too many subscriptions' : 'not granted';
      this.#options.logger.warn('mqtt.subscribe.denied', { client: name, filter: shown, reason });
      return null;
    }
    this.#granted.set(client, granted.set(filter, qos));
    if (isNew) this.#subscriptions++;
    return { ...subscription, qos: 2 };
  }

  /** Undefined for a filter that was refused. */
  granted(client: Client, filter: string): Qos | undefined {
    return this.#granted.get(client)?.get(filter);
  }

  forget(client: Client, filters: readonly string[]): void {
    const granted = this.#granted.get(client);
    for (const filter of filters) if (granted?.delete(filter) === true) this.#subscriptions--;
  }

  /** The connection of `client` ended. */
  leave(client: Client): void {
    this.forget(client, [...(this.#granted.get(client)?.keys() ?? [])]);
  }

  /** With which QoS a message goes to a client: the lower one of the message's and the best subscription's [MQTT-3.8.4-6]. */
  effectiveQos(client: AedesClient, { topic, qos }: { readonly topic: string; readonly qos: Qos }): Qos {
    const granted = this.#granted.get(client);
    let all = true;
    for (const filter in client.subscriptions) if ((granted?.get(filter) ?? 0) < qos) all = false;
    if (all) return qos;
    let best: Qos = 0;
    for (const filter in client.subscriptions) {
      const own = granted?.get(filter) ?? 0;
      if (own > best && topicMatches(filter, topic)) best = own;
    }
    return best < qos ? best : qos;
  }

  #peer(client: Client): Peer | undefined {
    return client.conn instanceof PacketGuard ? client.conn.peer : undefined;
  }

  async #check(client: Client, spec: ClientSpec, password: Buffer | undefined): Promise<string | undefined> {
    const peer = this.#peer(client);
    if (spec.certificate !== undefined && peer?.fingerprint === spec.certificate) {
      const time = this.#options.now().getTime();
      if (time >= peer.validFrom && time <= peer.validTo) return undefined;
      if (spec.password === undefined) return 'its certificate is out of date';
    }
    if (spec.password === undefined || !password) return 'no credential';
    return this.#checkPassword(client, spec.password, password.toString('utf8'));
  }

  async #checkPassword(client: Client, hash: string, password: string): Promise<string | undefined> {
    if (this.#credentials.isKnown(hash, password)) return undefined;
    const { name = '' } = this.#greeted.get(client) ?? {};
    const address = this.#peer(client)?.address;
    if (!this.#attempts.mayTry(address, name)) return 'too many wrong passwords';
    const verdict = await this.#credentials.check(hash, password, () => this.#attempts.mayTry(address, name));
    if (verdict === 'refused') this.#attempts.noteFault(address, name);
    return verdict === 'accepted' ? undefined : verdict;
  }

  /** Why a client with the right credential is not let in by `spec`. Checking took a while: that may be out of force by now. */
  #objection(client: Client, name: string, spec: ClientSpec): string | undefined {
    if (!isSame(spec, this.#clients.get(name))) return 'changed meanwhile';
    const will = this.#greeted.get(client)?.will;
    return will === undefined || mayPublish(spec, will) ? undefined : 'last will';
  }
}

function isSame(spec: ClientSpec | undefined, other: ClientSpec | undefined): boolean {
  return spec === other || JSON.stringify(spec) === JSON.stringify(other);
}

/** [MQTT-1.5.3-1] [MQTT-1.5.3-2] [MQTT-3.3.2-2] Ill-formed UTF-8 was read as U+FFFD. */
const unfitForTopics = /[+#\0\uFFFD]/;

function mayPublish(spec: ClientSpec, topic: string): boolean {
  if (topic === '' || topic.startsWith('$') || unfitForTopics.test(topic)) return false;
  if (Buffer.byteLength(topic) > maxTopicBytes || topic.split('/').length > maxTopicLevels) return false;
  return spec.publish.some((filter) => topicMatches(filter, topic));
}

export const maxTopicLevels = 32;

/** [MQTT-4.7.1] Wildcards stand alone in their level, `#` in the last one. */
function isFilter(filter: string): boolean {
  if (filter === '' || /[\0\uFFFD]/.test(filter) || Buffer.byteLength(filter) > maxTopicBytes) return false;
  const levels = filter.split('/');
  return levels.every(
    (level, index) => !/[+#]/.test(level) || level === '+' || (level === '#' && index === levels.length - 1),
  );
}
