import type { Component } from '../cloud-sync/protocol/messages.ts';
import { errorMessage } from '../lib/error-code.ts';
import type { Logger } from '../lib/logger.ts';
import { verifyPassword } from '../lib/password.ts';
import type { Machine } from '../manifests/machine.ts';
import type { Site } from './apps/sites/site.ts';
import { Bridges } from './bridge/bridges.ts';
import { createDelivery } from './broker/delivery.ts';
import { Listeners } from './broker/listeners.ts';
import { LocalBroker, type LocalBrokerOptions } from './broker/local-broker.ts';
import { ChangeSignal } from './change-signal.ts';
import type { DataPlaneStatus } from './data-plane-status.ts';
import { Gateway } from './gateway/gateway.ts';
import { HttpRoutes } from './gateway/http-routes.ts';
import type { SecretSource } from './gateway/ports.ts';
import { measureAccept } from './observability/measure-broker.ts';
import { measureDataPlane } from './observability/measure-data-plane.ts';
import { measureInvocations } from './observability/measure-functions.ts';
import { measureUplink } from './observability/measure-uplink.ts';
import type { Observability } from './observability/observability.ts';
import { boundSecrets, secretUses } from './outside/secret-uses.ts';
import type { UplinkPort } from './relay/ports.ts';
import { Relay } from './relay/relay.ts';
import type { IncomingMessage } from './streams/bounds.ts';
import { Shadows } from './shadows/shadows.ts';
import { LocalStore } from './streams/local-store.ts';
import type { Operation } from './streams/operations.ts';
import { StreamUpkeep } from './streams/stream-upkeep.ts';
import { CronTriggers } from './triggers/cron-triggers.ts';
import { Deployments } from './triggers/deployments.ts';
import { Dispatcher } from './triggers/dispatcher.ts';
import { componentOf, statusOf } from './triggers/function-status.ts';
import { FileTriggers } from './triggers/file-triggers.ts';
import { FunctionControl } from './triggers/function-control.ts';
import { Ingress } from './triggers/ingress.ts';
import type { CallOptions } from './triggers/lane.ts';
import type {
  BundleIdentity,
  FunctionRuntimePort,
  InvocationEvent,
  InvocationResult,
} from './triggers/ports.ts';
import { Routes } from './triggers/routes.ts';
import { createStreamDesk, type StreamDesk } from './triggers/stream-desk.ts';
import { StreamTriggers } from './triggers/stream-triggers.ts';

export type DataPlaneOptions<Bundle extends BundleIdentity> = {
  /** The agent's root folder. */
  readonly root: string;
  /** Whom the cloud knows this device as, such as the fingerprint of its certificate: a new one begins a new relay epoch. */
  readonly identity?: string | undefined;
  /** Where the local broker listens; port 0 takes a free one and keeps it for later starts. */
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Where functions are reached by HTTP, from the first generation with such a trigger on; by default a kept port of this machine. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly secrets?: SecretSource;
  readonly runtime: FunctionRuntimePort<Bundle>;
  /** Without it there is no stream `observability`, and nothing is measured. */
  readonly observability?: Observability;
  /** Whether a manifest of before may come back by itself, streams and all. */
  readonly mayGoBack?: () => boolean;
  readonly logger: Logger;
  readonly now?: () => Date;
};

type Parts<Bundle extends BundleIdentity> = {
  readonly store: LocalStore;
  readonly ingress: Ingress;
  readonly broker: LocalBroker;
  readonly listeners: Listeners;
  readonly bridges: Bridges;
  readonly dispatcher: Dispatcher;
  readonly cron: CronTriggers;
  readonly files: FileTriggers;
  readonly upkeep: StreamUpkeep;
  readonly streamTriggers: StreamTriggers;
  readonly publish: (message: IncomingMessage) => Promise<void>;
  readonly relay: Relay;
  readonly shadows: Shadows;
  readonly gateway: Gateway;
  readonly deployments: Deployments<Bundle>;
  readonly changes: ChangeSignal;
  readonly observability: Observability | undefined;
  readonly mayGoBack: (() => boolean) | undefined;
  readonly now: () => Date;
  readonly logger: Logger;
};

type ByName<Value> = ReadonlyMap<string, Value>;
type Followed = Pick<Machine, 'streams' | 'functions' | 'clients'>;

const tidyEveryMs = 60_000;
/** Expired values that are deleted at a time; what is left is not seen either. */
const maxSwept = 5000;

const ownMachine = { host: '127.0.0.1', port: 0 };
const noSecrets: SecretSource = { get: () => Promise.resolve(undefined), onChange: () => () => undefined };

/** Everything that moves events on the device: broker, streams, functions' triggers, relay. Follows one generation. */
export class DataPlane<Bundle extends BundleIdentity = BundleIdentity> implements AsyncDisposable {
  readonly #parts: Parts<Bundle>;
  readonly #resources: AsyncDisposableStack;
  /** What an operator may do with the functions. */
  readonly functions: FunctionControl;
  /** What one may see of the streams, and give again. */
  readonly streams: StreamDesk;
  readonly #digests = new Map<string, string>();
  /** Functions that could not be loaded with the secrets they have now, and why. */
  readonly #reloadProblems = new Map<string, string>();
  #machine: Followed = { streams: {}, functions: {}, clients: {} };
  #secretUses: ReadonlyMap<string, readonly string[]> = new Map();
  #configuring: Promise<void> = Promise.resolve();

  /** Rejects with AgentError: 'portInUse', 'badInput', 'diskFull', 'broken', 'locked', 'unsupported'. */
  static async open<Bundle extends BundleIdentity>(
    options: DataPlaneOptions<Bundle>,
  ): Promise<DataPlane<Bundle>> {
    const { root, identity, mqtt, http = ownMachine, runtime, logger, now = () => new Date() } = options;
    await using starting = new AsyncDisposableStack();
    const { observability } = options;
    const meter = observability?.meter;
    const store = starting.use(await LocalStore.open({ root, identity, logger, now, meter }));
    if (observability) starting.use(observability.attach(store, logger));
    const ingress = starting.use(new Ingress({ store, logger, now }));
    const accept: LocalBrokerOptions['accept'] = async (message, also) => {
      await ingress.accept(message, also);
      return shadows.take(message);
    };
    const broker = await LocalBroker.open({
      ...{ root, store, logger, verifyPassword, now, ...mqtt },
      accept: meter ? measureAccept(accept, meter) : accept,
    });
    const shadows: Shadows = starting.use(
      new Shadows({
        store,
        routes: () => ingress.routes,
        deliver: createDelivery(broker, logger),
        now,
        logger,
      }),
    );
    const { deliver } = shadows;
    const relay = starting.use(new Relay({ store, now, logger }));
    const routes = (): Routes => ingress.routes;
    const changes = starting.use(new ChangeSignal());
    const onChange = (): void => changes.notify();
    const dispatcher = starting.use(
      new Dispatcher({
        ...{ store, routes, deliver, onChange, now, logger },
        runtime: meter ? measureInvocations(runtime, meter) : runtime,
      }),
    );
    const upkeep = starting.use(new StreamUpkeep({ store, now, logger }));
    const room = (name: string): number => ingress.room(name);
    const streamTriggers = starting.use(new StreamTriggers({ store, room, logger }));
    const cron = starting.use(new CronTriggers({ store, now, logger }));
    const files = starting.use(new FileTriggers({ root, store, now, logger, onChange }));
    // Let go first: nothing new comes in while the rest winds down.
    starting.use(broker);
    const secrets = options.secrets ?? noSecrets;
    const listeners = starting.use(new Listeners({ root, secrets, broker, onChange, now, logger }));
    const gateway = starting.use(
      new Gateway({
        ...{ root, ...http, logger, secrets, meter },
        call: (name, event, how) => dispatcher.call(name, event, how),
      }),
    );
    const publish = async (message: IncomingMessage): Promise<void> => {
      await ingress.accept(message);
      await deliver([message]);
      await shadows.take(message);
    };
    const bridges = starting.use(new Bridges({ store, publish, secrets, onChange, now, logger }));
    const deployments = new Deployments(runtime);
    const parts = {
      ...{ store, ingress, broker, dispatcher, cron, files, relay, gateway, deployments, changes },
      ...{ shadows, upkeep, streamTriggers, listeners, bridges, publish },
      ...{ observability, now, logger, mayGoBack: options.mayGoBack },
    };
    const plane = new DataPlane(parts, starting.move());
    plane.#resources.defer(
      options.secrets?.onChange((name) => plane.#secretChanged(name)) ?? (() => undefined),
    );
    return plane;
  }

  private constructor(parts: Parts<Bundle>, resources: AsyncDisposableStack) {
    this.#parts = parts;
    this.#resources = resources;
    const { store, dispatcher, ingress, now } = parts;
    this.functions = new FunctionControl({ store, dispatcher, routes: () => ingress.routes, now });
    this.streams = createStreamDesk(parts);
    this.#observe();
    const timer = setInterval(() => void this.#tidy(), tidyEveryMs);
    resources.defer(() => clearInterval(timer));
  }

  get mqtt(): { readonly host: string; readonly port: number } {
    const { host, port } = this.#parts.broker;
    return { host, port };
  }

  /** Null while it does not listen. */
  get http(): { readonly host: string; readonly port: number } | null {
    const { host, port } = this.#parts.gateway.status() ?? { host: '', port: null };
    return port === null ? null : { host, port };
  }

  /** Rejects when nothing can be made durable any more: the process has to end and start anew. */
  get failed(): Promise<never> {
    return this.#parts.store.failed;
  }

  /** The local store was corrupt at this start: it was set aside, and a new one, with a new epoch, begun. */
  get recovered(): boolean {
    return this.#parts.store.setAside !== undefined;
  }

  /**
   * Follows a generation: idempotent, one call after the other. Loads what is new before anything of the old one stops, and
   * drops no event. Rejects with what the runtime rejects with or AgentError 'notConfigured' or 'badInput'; a call with the
   * former generation then puts everything back.
   */
  configure(machine: Machine, bundles: ByName<Bundle>, sites: readonly Site[] = []): Promise<void> {
    const turn = this.#configuring.then(() => this.#configure(machine, bundles, sites));
    this.#configuring = turn.catch(() => undefined);
    return turn;
  }

  get shadows(): Shadows {
    return this.#parts.shadows;
  }

  attachUplink(link: UplinkPort): void {
    const { relay, observability } = this.#parts;
    relay.attach(observability ? measureUplink(link, observability.meter) : link);
  }

  /** Calls a function and waits for its result; its effects are durable before this resolves. */
  invoke(name: string, payload: unknown, options: { readonly signal: AbortSignal }): Promise<unknown> {
    return this.#parts.dispatcher.invoke(name, payload, options);
  }

  /** The same for any event; `depth` of functions that called each other before. */
  call(name: string, event: InvocationEvent, options: CallOptions): Promise<InvocationResult> {
    return this.#parts.dispatcher.call(name, event, options);
  }

  /** Who but apps uses a secret, by its name. */
  secretUses(): ReadonlyMap<string, readonly string[]> {
    return this.#secretUses;
  }

  /** `functions.<name>`, `listeners.<name>` and how they are. */
  components(): Record<string, Component> {
    const { dispatcher, bridges, listeners } = this.#parts;
    const components: Record<string, Component> = { ...bridges.components(), ...listeners.components() };
    for (const [name, status] of Object.entries(dispatcher.status())) {
      const unloaded = this.#reloadProblems.get(name);
      const lane = unloaded === undefined ? status : { ...status, problem: unloaded, lacks: undefined };
      const digest = this.#digests.get(name);
      components[`functions.${name}`] = componentOf(lane, { digest, unreached: this.#unreached(name) });
    }
    return components;
  }

  #unreached(name: string): string | undefined {
    const { gateway, files } = this.#parts;
    const problem = gateway.problemOf(name);
    return problem === undefined ? files.problemOf(name) : `No request reaches it: ${problem}`;
  }

  /** Calls back when `components()` may say something else than before: a function was paused, got stuck, runs again. */
  onComponentsChange(listener: () => void): () => void {
    return this.#parts.changes.listen(listener);
  }

  status(): DataPlaneStatus {
    const { store, broker, dispatcher, gateway, listeners } = this.#parts;
    const streams = Object.entries(this.#machine.streams).map(([name, { relay }]) => {
      const { lastSeq, ackedSeq, bytes } = store.counts.stream(name);
      return [name, { lastSeq, ackedSeq, backlog: relay ? lastSeq - ackedSeq : 0, bytes }] as const;
    });
    const functions = Object.entries(dispatcher.status()).map(
      ([name, lane]) => [name, statusOf(lane)] as const,
    );
    return {
      mqtt: this.mqtt,
      http: gateway.status() ?? null,
      epoch: store.epoch,
      streams: Object.fromEntries(streams),
      functions: Object.fromEntries(functions),
      clients: broker.clientCount,
      sessions: broker.sessionStatus(),
      bridges: this.#parts.bridges.status(),
      relayProblem: this.#parts.relay.problem ?? null,
      ...listeners.status(),
    };
  }

  /** Stops taking messages, interrupts functions (their events stay queued), closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #configure(machine: Machine, bundles: ByName<Bundle>, sites: readonly Site[]): Promise<void> {
    const { ingress, broker, dispatcher, cron, files, relay, gateway, deployments } = this.#parts;
    const { observability, upkeep, streamTriggers, listeners } = this.#parts;
    const { functions, clients } = machine;
    await observability?.configure(machine);
    const streams = observability?.withStream(machine.streams) ?? machine.streams;
    const httpRoutes = new HttpRoutes(functions, gateway.routes, sites);
    await deployments.deploy(functions, bundles);
    await cron.configure(functions);
    await files.configure(machine);
    this.#machine = { streams, functions, clients };
    this.#secretUses = secretUses(machine);
    upkeep.configure(streams, machine);
    ingress.setRoutes(new Routes(machine, broker.sessions));
    await broker.setClients(clients);
    await listeners.configure(machine.listeners);
    relay.configure(streams);
    // Before a lane takes up its new work: what another lane still has in memory of a queue that moves is refused.
    await this.#adopt();
    await streamTriggers.configure(functions);
    // Together, so that no route is without its function in between.
    await Promise.all([dispatcher.configure(functions), gateway.setRoutes(httpRoutes)]);
    await this.#parts.bridges.configure(machine);
    await deployments.removeAbsent(functions);
    this.#reloadProblems.clear();
    this.#digests.clear();
    for (const name of Object.keys(functions)) this.#digests.set(name, bundles.get(name)?.digest ?? '');
    await upkeep.forgetAbsent();
    await this.#tidy();
  }

  /** What others count already is told at each snapshot of the metrics. */
  #observe(): void {
    const { observability, store, broker, dispatcher, bridges } = this.#parts;
    if (!observability) return;
    measureDataPlane(observability.meter, {
      ...{ store, broker },
      bridges: () => bridges.status(),
      lanes: () => dispatcher.status(),
      streams: () => this.#machine.streams,
    });
  }

  /** The functions that are loaded with the secret get its new value; one after the other, and after a generation under way. */
  #secretChanged(secret: string): void {
    this.#configuring = this.#configuring.then(() => this.#reloadUsers(secret));
  }

  async #reloadUsers(secret: string): Promise<void> {
    const { deployments, dispatcher, changes, logger } = this.#parts;
    for (const { name, spec } of deployments.deployed()) {
      if (!boundSecrets(spec).includes(secret)) continue;
      try {
        await deployments.reload(name);
        this.#reloadProblems.delete(name);
        dispatcher.renew(name, spec);
        logger.info('function.reloaded', { function: name, secret });
      } catch (error) {
        this.#reloadProblems.set(name, errorMessage(error));
        logger.error('function.reload.failed', { function: name, secret, error });
      }
      changes.notify();
    }
  }

  /** Drops what is older than its stream keeps or has expired, and brings messages of queues to their functions. */
  async #tidy(): Promise<void> {
    const { store, upkeep, broker, listeners, now, logger } = this.#parts;
    const time = now().getTime();
    try {
      await upkeep.expire();
      await store.commit([{ op: 'sweep', before: time, limit: maxSwept }]);
      await broker.tidy();
      await listeners.tidy();
    } catch (error) {
      logger.warn('store.tidying.failed', { error: errorMessage(error) });
    }
    await this.#adopt();
    void upkeep.compact();
  }

  /** Brings messages of queues to the functions that take them now. */
  async #adopt(): Promise<void> {
    const { store, ingress, logger } = this.#parts;
    try {
      const operations = (await store.queues()).flatMap<Operation>(({ queue, function: from }) => {
        const to = ingress.routes.holder(queue);
        return to === from ? [] : [{ op: 'adopt', queue, from, to }];
      });
      await store.commit(operations);
    } catch (error) {
      logger.warn('store.queues.unmoved', { error: errorMessage(error) });
    }
  }
}
