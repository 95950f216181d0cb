import { randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Condition } from '../cloud-sync/protocol/messages.ts';
import type { ControlPlaneClient } from '../cloud-sync/protocol/control-plane-client.ts';
import { FunctionRuntime, type FunctionLog } from '../functions/index.ts';
import { createLogger, type LogEvent, type Logger, type LogSink } from '../lib/logger.ts';
import { version } from '../lib/version.ts';
import { machineSchema, type Machine } from '../manifests/machine.ts';
import { Exports } from './apps/exports/exports.ts';
import { openApps } from './apps/open-apps.ts';
import { sitesOf } from './apps/sites/site.ts';
import { stopApps } from './apps/stop-apps.ts';
import type { AppSupervisor } from './apps/supervise/app-supervisor.ts';
import { Commands } from './commands.ts';
import { LogJournal } from './control/log-journal.ts';
import { controlSocketPath } from './control/protocol.ts';
import { startControlServer } from './control/server.ts';
import { DataPlane } from './data-plane.ts';
import { describeAgent } from './describe-agent.ts';
import { DiskWatch } from './disk-watch.ts';
import { isEnrolled, type DeviceIdentity, type Identity } from './identity/identity-store.ts';
import { takeIdentity } from './identity/take-identity.ts';
import { MemoryTidier } from './memory-tidier.ts';
import { Observability } from './observability/observability.ts';
import { planHere } from './plan-here.ts';
import { GenerationDesk } from './reconcile/generation-desk.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { mayGoBack } from './reconcile/state-schema.ts';
import { Reporter } from './reconcile/reporter.ts';
import type { StateStore } from './reconcile/state-store.ts';
import { CloudLink } from './relay/cloud-link.ts';
import { noCloud, type ControlLink } from './relay/no-cloud.ts';
import { UplinkGate } from './relay/uplink-gate.ts';
import { createFetch } from './outside/fetch.ts';
import { mergeUses } from './outside/merge-uses.ts';
import { SecretStore } from './outside/secret-store.ts';
import { openState, takeRoot } from './root-folder.ts';
import { openSources, type Sources } from './sources.ts';
import { openVaultKeeper } from './vault/open-vault-keeper.ts';
import type { VaultKeeper } from './vault/vault-keeper.ts';
import { volumeVault } from './vault/volume-vault.ts';

export type AgentOptions = {
  readonly root: string;
  /** Where the local broker listens; port 0 takes a free one and keeps it. */
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Where functions are reached by HTTP; port 0 takes a free one and keeps it. */
  readonly http: { readonly host: string; readonly port: number };
  /** A one-time enrolment token; not looked at when the device has an identity. */
  readonly token?: string | undefined;
  /** Every log event, besides the journal on disk. */
  readonly onLog?: (event: LogEvent) => void;
  readonly signal: AbortSignal;
};

export type Agent = AsyncDisposable & {
  readonly device: string;
  readonly mqtt: { readonly host: string; readonly port: number };
  /** Null while no function has an http trigger, or its port cannot be had. */
  readonly http: { readonly host: string; readonly port: number } | null;
  readonly controlSocket: string;
  /** Programs of images, and the folder to be put on the PATH. */
  readonly exports: { readonly folder: string; readonly programs: readonly string[] };
  /** Else they go on without the agent, and the next one takes them over. Resolves to their names. */
  stopApps(): Promise<readonly string[]>;
  /** Rejects when the agent cannot go on; its supervisor starts it again. */
  readonly failed: Promise<void>;
};

/**
 * Starts the device daemon on `root`: what ran before runs again from local disk, then the cloud is sought. Resolves when
 * the device is ready, with or without a network. [G4]
 */
export async function startAgent({ root, mqtt, http, token, onLog, signal }: AgentOptions): Promise<Agent> {
  await using stack = new AsyncDisposableStack();
  stack.use(await takeRoot(root));
  const journal = stack.use(await LogJournal.open({ folder: join(root, 'logs') }));
  const observability = stack.use(new Observability());
  const logger = createLogger(toAll([journal.write, observability.write, onLog]));
  const started = new Date().toISOString();
  let recovered = false;
  const store = await openState(root, logger, () => (recovered = true));
  const identity = await takeIdentity(root, { token, store, logger, signal });
  const sources = stack.use(await openSources(root, identity, logger));
  const secrets = await SecretStore.open(root);
  const network = stack.use(createFetch());
  const runtime = stack.use(
    await openRuntime({ secrets, network, logger, invoke: (...call) => dataPlane.call(...call) }),
  );
  const dataPlane: DataPlane = stack.use(
    await DataPlane.open({
      ...{ root, identity: serialOf(identity), mqtt, http, runtime, secrets, observability, logger },
      mayGoBack: () => mayGoBack(store.state),
    }),
  );
  recovered ||= dataPlane.recovered;
  const vault = stack.use(await openVaultKeeper({ root, identity, secrets, logger }));
  const tools = new Exports({ root, logger });
  const place = { root, device: identity.device, mqttPort: dataPlane.mqtt.port };
  const { meter } = observability;
  const { supervisor: apps, capabilities } = await openApps({ ...place, secrets, meter, logger }, stack);

  const memory = stack.use(new MemoryTidier());
  const { link, reconciler, conditions } = await startControl({
    ...{ root, identity, store, sources, dataPlane, vault, tools, apps, logger, memory, stack },
    isRecovered: () => recovered,
  });
  const here = { root, started, identity, store, dataPlane, vault, tools, link, runtime, apps, capabilities };
  const controlSocket = controlSocketPath(root);
  stack.use(
    await startControlServer({
      path: controlSocket,
      status: () => describeAgent({ ...here, conditions }),
      invoke: (name, payload, caller) => dataPlane.invoke(name, payload, { signal: caller }),
      functions: dataPlane.functions,
      streams: dataPlane.streams,
      vault,
      apps,
      generations: new GenerationDesk({
        ...{ store, manifests: sources.manifests, reconciler, now: () => new Date() },
      }),
      secrets: { store: secrets, uses: () => mergeUses(dataPlane.secretUses(), apps.secretUses()) },
      plan: (canonical) => planHere(canonical, store, sources),
      metrics: observability,
      logs: journal,
    }),
  );
  link.start();
  vault.start();
  if (sources.cloud) void pollDesired(sources.cloud, link, reconciler, signal, logger);
  memory.touch();
  logger.info('agent.ready', { device: identity.device, version, mqtt: dataPlane.mqtt });
  const owned = stack.move();
  return {
    device: identity.device,
    mqtt: dataPlane.mqtt,
    http: dataPlane.http,
    controlSocket,
    exports: { folder: tools.folder, programs: tools.names },
    stopApps: () => stopApps(reconciler, apps),
    failed: Promise.race([reconciler.failed, dataPlane.failed]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type RuntimeParts = {
  readonly secrets: SecretStore;
  readonly network: ReturnType<typeof createFetch>;
  readonly invoke: DataPlane['call'];
  readonly logger: Logger;
};

function openRuntime({ secrets, network, invoke, logger }: RuntimeParts): Promise<FunctionRuntime> {
  return FunctionRuntime.open({
    logger,
    onLog: (entry) => logFunction(logger, entry),
    outside: { fetch: network.fetch, secret: (name) => secrets.get(name), invoke },
  });
}

function toAll(sinks: readonly (LogSink | undefined)[]): LogSink {
  return (event) => {
    for (const sink of sinks) sink?.(event);
  };
}

/** What the cloud ties a relay epoch to: revoked with the certificate, begun anew with the next one. */
function serialOf(identity: Identity): string | undefined {
  return isEnrolled(identity) ? new X509Certificate(identity.certificate).serialNumber : undefined;
}

type ControlParts = {
  readonly root: string;
  readonly identity: Identity;
  readonly store: StateStore;
  readonly sources: Sources;
  readonly dataPlane: DataPlane;
  readonly vault: VaultKeeper;
  readonly tools: Exports;
  readonly apps: AppSupervisor;
  readonly logger: Logger;
  readonly memory: MemoryTidier;
  readonly stack: AsyncDisposableStack;
  readonly isRecovered: () => boolean;
};

type Control = {
  readonly link: ControlLink;
  readonly reconciler: Reconciler;
  /** Besides those of the state. */
  readonly conditions: () => Condition[];
};

async function startControl(parts: ControlParts): Promise<Control> {
  const { root, identity, store, sources, dataPlane, vault, tools, apps, logger, memory, stack } = parts;
  const disk = stack.use(new DiskWatch({ root, onChange: () => reporter.touch(), logger }));
  const conditions = () => [...vault.conditions(), ...disk.conditions()];
  const reporter: Reporter = new Reporter({
    store,
    components: () => ({ ...dataPlane.components(), ...apps.components(), ...vault.components() }),
    conditions,
    recovered: parts.isRecovered,
    isConnected: () => link.connected,
    send: (reported) => link.sendReported(reported),
    onAnswered: async (answer) => gate?.answered(answer),
    logger,
  });
  const reconciler: Reconciler = new Reconciler({
    store,
    manifests: sources.manifests,
    artifacts: sources.artifacts,
    runner: {
      configure: async (machine, { bundles, images }) => {
        await dataPlane.configure(machine, bundles, await sitesOf(machine, images));
        await tools.configure(machine, images);
        await vault.configure(machine);
        link.setKeepAlive(machine.control?.keepAlive ?? defaultKeepAliveMs);
        await apps.configure(machine, images);
      },
      // A snapshot that fails says nothing against a generation; what an app says, `settled` has weighed.
      components: () => dataPlane.components(),
      settled: (signal) => apps.settled(signal, { steadyMs }),
      halt: (names) => apps.halt(names),
      locks: () => apps.locks(),
    },
    vault: volumeVault(vault, identity),
    empty: emptyMachine(identity.device),
    logger,
    onChange: () => {
      reporter.touch();
      memory.touch();
    },
  });
  const commands: Commands = new Commands({
    invoke: (name, payload, signal) => dataPlane.invoke(name, payload, { signal }),
    sendStatus: (id, status) => link.sendCommandStatus(id, status),
    logger,
  });
  const stopping = new AbortController();
  const uplink: CloudLink | undefined = isEnrolled(identity)
    ? createUplink(identity, { store, reconciler, commands, reporter, signal: stopping.signal, logger })
    : undefined;
  const link: ControlLink = uplink ?? noCloud;
  const gate = uplink && stack.use(new UplinkGate(uplink));
  stack.defer(() => stopping.abort());
  stack.use(reconciler);
  stack.use(reporter);
  stack.use(link);
  link.onConnectionChange((connected) => {
    if (connected) reporter.connected();
  });
  if (gate) dataPlane.attachUplink(gate);
  if (uplink) dataPlane.shadows.attach(uplink);
  stack.defer(dataPlane.onComponentsChange(() => reporter.touch()));
  stack.defer(vault.onChange(() => reporter.touch()));
  stack.defer(apps.onChange(() => reporter.touch()));
  await reconciler.start();
  reporter.start();
  await disk.start();
  return { link, reconciler, conditions };
}

type UplinkParts = {
  readonly store: StateStore;
  readonly reconciler: Reconciler;
  readonly commands: Commands;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  readonly logger: Logger;
};

function createUplink(
  identity: DeviceIdentity,
  { store, reconciler, commands, reporter, signal, logger }: UplinkParts,
): CloudLink {
  return new CloudLink({
    identity,
    boot: randomBytes(8).toString('hex'),
    version,
    nextSession: async () => {
      const session = store.state.session + 1;
      await store.update(() => ({ session }));
      return session;
    },
    onDesired: (desired, live) => reconciler.offer(desired, { live }),
    onCommand: (id, command) => commands.receive(id, command, signal),
    onReportedAck: (seq) => reporter.acknowledge(seq),
    logger,
  });
}

/** Where MQTT is blocked, HTTPS still tells what is desired. */
async function pollDesired(
  cloud: ControlPlaneClient,
  link: ControlLink,
  reconciler: Reconciler,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const everyMs = 30_000;
  for (;;) {
    try {
      await sleep(everyMs, undefined, { signal, ref: false });
    } catch {
      return;
    }
    if (link.connected) continue;
    try {
      const desired = await cloud.desired({ signal });
      if (desired) await reconciler.offer(desired, { live: false });
    } catch (error) {
      logger.debug('cloud.poll.failed', { error });
    }
  }
}

/** Of a new generation: an app that ends as soon as it has answered is noticed before it is committed. */
const steadyMs = 1000;

/** Of a machine without `control`. */
const defaultKeepAliveMs = 3000;

function emptyMachine(name: string): Machine {
  return machineSchema.parse({ apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name } });
}

function logFunction(logger: Logger, { function: name, invocation, level, message }: FunctionLog): void {
  logger[level]('function.log', { function: name, invocation, message });
}
