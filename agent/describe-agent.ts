import type { FunctionRuntime } from '../functions/index.ts';
import type { Condition } from '../cloud-sync/protocol/messages.ts';
import { version } from '../lib/version.ts';
import type { AppSupervisor } from './apps/supervise/app-supervisor.ts';
import type { LaunchCapabilities } from './apps/ports.ts';
import type { Exports } from './apps/exports/exports.ts';
import type { Status } from './control/protocol.ts';
import type { DataPlane } from './data-plane.ts';
import { isEnrolled, type Identity } from './identity/identity-store.ts';
import type { StateHolder } from './reconcile/state-schema.ts';
import type { ControlLink } from './relay/no-cloud.ts';
import type { VaultKeeper } from './vault/vault-keeper.ts';

type Described = {
  readonly identity: Identity;
  readonly store: StateHolder;
  readonly dataPlane: Pick<DataPlane, 'status' | 'components'>;
  readonly vault: Pick<VaultKeeper, 'components'>;
  /** Besides those of the state. */
  readonly conditions: () => readonly Condition[];
  readonly tools: Pick<Exports, 'folder' | 'names'>;
  readonly apps: Pick<AppSupervisor, 'status' | 'components'>;
  readonly capabilities: LaunchCapabilities;
  readonly root: string;
  readonly started: string;
  readonly link: Pick<ControlLink, 'status'>;
  readonly runtime: Pick<FunctionRuntime, 'hostPids' | 'sandbox'>;
};

/** Of MQTT clients, those with the most waiting for them. */
const maxSessions = 100;

/** The agent's whole state as the control socket tells it. */
export function describeAgent({
  root,
  started,
  identity,
  store,
  dataPlane,
  vault,
  tools,
  apps,
  capabilities,
  link,
  runtime,
  conditions,
}: Described): Status {
  const { observed, current, phase, conditions: own } = store.state;
  const { mqtt, http, streams, functions, sessions, listeners, ca, bridges, relayProblem } =
    dataPlane.status();
  return {
    version,
    device: identity.device,
    tenant: isEnrolled(identity) ? identity.tenant : null,
    root,
    pid: process.pid,
    hostPids: runtime.hostPids(),
    sandbox: runtime.sandbox.description,
    started,
    cloud: { ...addressesOf(identity), ...link.status },
    desired: observed && { generation: observed.generation, digest: observed.digest },
    applied: current,
    phase,
    conditions: [...own, ...conditions()],
    components: { ...dataPlane.components(), ...apps.components(), ...vault.components() },
    mqtt,
    listeners,
    bridges,
    relayProblem,
    ca,
    sessions: sessions.slice(0, maxSessions),
    http,
    streams,
    functions,
    apps: apps.status(),
    isolations: {
      ...capabilities.isolations,
      unenforced: capabilities.unenforced.map(({ limit, why }) => ({ limit, why })),
    },
    exports: { folder: tools.folder, programs: [...tools.names] },
  };
}

function addressesOf(identity: Identity): { url: string | null; mqtt: string | null } {
  if (!isEnrolled(identity)) return { url: null, mqtt: null };
  const { url, mqtt } = identity;
  return { url, mqtt };
}
