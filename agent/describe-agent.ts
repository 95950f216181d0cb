import type { FunctionRuntime } from '../functions/index.ts';
import { version } from '../lib/version.ts';
import type { Status } from './control/protocol.ts';
import type { DataPlane } from './data-plane.ts';
import type { DeviceIdentity } from './identity/identity-store.ts';
import type { StateHolder } from './reconcile/state-store.ts';
import type { CloudLink } from './relay/cloud-link.ts';
import type { VaultKeeper } from './vault/vault-keeper.ts';

type Described = {
  readonly identity: DeviceIdentity;
  readonly store: StateHolder;
  readonly dataPlane: Pick<DataPlane, 'status' | 'components'>;
  readonly vault: Pick<VaultKeeper, 'components' | 'conditions'>;
  readonly root: string;
  readonly started: string;
  readonly link: Pick<CloudLink, 'status'>;
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
  link,
  runtime,
}: Described): Status {
  const { observed, current, phase, conditions } = store.state;
  const { mqtt, http, streams, functions, sessions, listeners, ca, bridges, relayProblem } =
    dataPlane.status();
  return {
    version,
    device: identity.device,
    tenant: identity.tenant,
    root,
    pid: process.pid,
    hostPids: runtime.hostPids(),
    sandbox: runtime.sandbox.description,
    started,
    cloud: { url: identity.url, mqtt: identity.mqtt, ...link.status },
    desired: observed && { generation: observed.generation, digest: observed.digest },
    applied: current,
    phase,
    conditions: [...conditions, ...vault.conditions()],
    components: { ...dataPlane.components(), ...vault.components() },
    mqtt,
    listeners,
    bridges,
    relayProblem,
    ca,
    sessions: sessions.slice(0, maxSessions),
    http,
    streams,
    functions,
  };
}
