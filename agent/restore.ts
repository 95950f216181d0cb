import { retry } from '../lib/retry.ts';
import type { Digest } from '../lib/digest.ts';
import { SyncError } from '../cloud-sync/errors.ts';
import { parseEnrolmentToken } from '../cloud-sync/trust/index.ts';
import type { Logger } from '../lib/logger.ts';
import {
  canonicalize,
  manifestDigest,
  references,
  type JsonObject,
  type Machine,
} from '../manifests/index.ts';
import { AgentError } from './errors.ts';
import { enrol, recover } from './identity/enrol.ts';
import { loadIdentity, type DeviceIdentity } from './identity/identity-store.ts';
import { isTransient } from './reconcile/failure.ts';
import { restoreData, takeVault, type DataChoice, type MachineData } from './restore-data.ts';
import { restoreTarget, type PassedOver, type RestoreTarget } from './restore-target.ts';
import { openState, takeRoot } from './root-folder.ts';
import { openSources, type Sources } from './sources.ts';
import { forgetRestoring, type DataEvent } from './vault/restore-volumes.ts';

export type RestoreEvent =
  | { readonly step: 'identity' | 'manifest' | 'artifacts' | 'vault' | 'done'; readonly message: string }
  /** What becomes of the volumes. */
  | { readonly step: 'data'; readonly message: string; readonly data: DataEvent };

export type RestoreOptions = {
  readonly root: string;
  /** The machine file, parsed: every reference pinned. */
  readonly machine: Machine;
  readonly document: JsonObject;
  /** Opens `control.recovery`; else `token` must be given. */
  readonly passphrase?: string | undefined;
  readonly token?: string | undefined;
  /** Opens the vault in place of the passphrase. */
  readonly recoveryCode?: string | undefined;
  /** user:password of a REST server that keeps the vault and is not the control plane. */
  readonly vaultLogin?: string | undefined;
  /** Which snapshots; 'none' leaves the volumes empty. Default the newest of each. */
  readonly data?: 'none' | Omit<DataChoice, 'onEvent'>;
  readonly onProgress: (event: RestoreEvent) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type Restored = {
  readonly device: string;
  readonly generation: number;
  readonly digest: Digest;
  readonly functions: Readonly<Record<string, Digest>>;
  /** The cloud wanted another manifest than the file holds: the cloud's was restored. */
  readonly newerThanFile: boolean;
  /** What the cloud wants, where that was not brought back but the generation that ran when the machine was lost. */
  readonly passedOver: PassedOver | null;
  /** Null without volumes, without a repository, or when no data was wanted. */
  readonly data: MachineData | null;
};

/**
 * Brings a machine back into an empty `root` from its one file: identity, manifest, artifacts, the data of its volumes, each
 * verified. Nothing runs yet; the next start of the agent does. Cut short, it goes on where it was when called again. [G9]
 */
export async function restoreMachine(options: RestoreOptions): Promise<Restored> {
  const { root, machine, document, onProgress, logger, signal } = options;
  using _lock = await takeRoot(root);
  const store = await openState(root, logger);
  if (store.state.observed) {
    throw new AgentError(
      'rootNotEmpty',
      `${root} already holds a machine at generation ${store.state.observed.generation}`,
      {
        hint: 'Start it with holdfast agent up, or restore into an empty folder with --root.',
      },
    );
  }
  onProgress({
    step: 'identity',
    message: `Taking the identity ${machine.metadata.name} at ${machine.control?.url ?? 'the control plane of the token'}`,
  });
  const identity = await obtainIdentity(options);
  await using sources = await openSources(root, identity, logger);

  onProgress({ step: 'manifest', message: 'Asking for the desired generation' });
  const patiently = <T>(work: () => Promise<T>): Promise<T> =>
    retry(work, { attempts: 20, minDelayMs: 200, maxDelayMs: 5000, signal, isTransient });
  const { target, state, passedOver } = await patiently(() => chooseTarget(sources.cloud, identity, signal));
  const { generation } = target;
  const digest = target.digest as Digest;
  const wanted = await patiently(() => sources.manifests.fetch(target, target.size, signal));
  onProgress({ step: 'artifacts', message: `Fetching what generation ${generation} names` });
  const { bundles } = await patiently(() => sources.artifacts.fetch(wanted, signal));

  const data = await restoreMachineData(options, identity, wanted);

  await store.update(() => state);
  await forgetRestoring(root);
  onProgress({ step: 'done', message: `Generation ${generation} is in place` });
  const functions = Object.fromEntries([...bundles].map(([name, bundle]) => [name, bundle.digest]));
  return {
    device: identity.device,
    generation,
    digest,
    functions,
    newerThanFile: passedOver === null && digest !== manifestDigest(canonicalize(document)),
    passedOver,
    data: data ?? null,
  };
}

async function chooseTarget(
  cloud: NonNullable<Sources['cloud']>,
  { device }: DeviceIdentity,
  signal: AbortSignal,
): Promise<RestoreTarget> {
  const desired = await cloud.desired({ signal });
  if (!desired) {
    throw new AgentError('notConfigured', `The control plane has no generation for ${device}`, {
      hint: 'Deploy the machine file first: holdfast deploy machine.yaml.',
    });
  }
  try {
    return restoreTarget(desired, await cloud.ownGenerations({ signal }));
  } catch (error) {
    // A control plane of an earlier version does not tell.
    if (error instanceof SyncError && error.code === 'notFound') return restoreTarget(desired, []);
    throw error;
  }
}

/** The owner key is that of the file: what the cloud's manifest says is proven by nobody. */
async function restoreMachineData(
  {
    root,
    machine: file,
    passphrase,
    recoveryCode,
    vaultLogin,
    data = {},
    onProgress,
    logger,
    signal,
  }: RestoreOptions,
  identity: DeviceIdentity,
  machine: Machine,
): Promise<MachineData | undefined> {
  if (Object.keys(machine.volumes).length === 0) return undefined;
  onProgress({ step: 'vault', message: 'Opening the vault' });
  const access = {
    ...{ root, identity, machine, passphrase, recoveryCode, logger, signal },
    ...{ ownerKey: file.vault?.owner, login: vaultLogin },
  };
  if (data === 'none') {
    // A vault that is away or damaged is why somebody restores without it.
    await takeVault(access).catch((error: unknown) => {
      signal.throwIfAborted();
      logger.warn('vault.notTaken', { error });
    });
    return undefined;
  }
  return restoreData({
    ...data,
    ...access,
    onEvent: (event) => onProgress({ step: 'data', message: messageOf(event), data: event }),
  });
}

function messageOf(event: DataEvent): string {
  switch (event.kind) {
    case 'plan':
      return `Restoring ${event.plan.volumes.length} volumes`;
    case 'progress':
      return `Restoring ${event.volume}`;
    case 'problems':
      return `${event.volume}: ${event.problems.length} files could not be given back as they were`;
    default:
      return event satisfies never;
  }
}

async function obtainIdentity({
  root,
  machine,
  passphrase,
  token,
  logger,
  signal,
}: RestoreOptions): Promise<DeviceIdentity> {
  requirePinned(machine);
  const present = await loadIdentity(root);
  if (present) {
    if (present.device === machine.metadata.name) return present;
    throw new AgentError(
      'rootNotEmpty',
      `${root} holds the identity of ${present.device}, not of ${machine.metadata.name}`,
    );
  }
  if (token !== undefined) {
    // Another device's token would take that device's identity.
    const { device } = parseEnrolmentToken(token);
    if (device !== machine.metadata.name) {
      throw new AgentError(
        'badInput',
        `The token is for ${device}, and the machine file is for ${machine.metadata.name}`,
      );
    }
    return enrol(token, { root, logger, signal });
  }
  if (passphrase !== undefined) return recover(machine, passphrase, { root, logger, signal });
  throw new AgentError(
    'notEnrolled',
    `Restoring ${machine.metadata.name} needs the owner's passphrase or a one-time token`,
    {
      hint: 'Set HOLDFAST_PASSPHRASE, or pass --passphrase-file or --token.',
    },
  );
}

function requirePinned(machine: Machine): void {
  const loose = references(machine).find(({ digest }) => digest === undefined);
  if (loose) {
    throw new AgentError('notPinned', `${loose.component} is ${loose.reference}, which names no digest`, {
      hint: 'Restore from the machine file that holdfast deploy --out wrote.',
    });
  }
}
