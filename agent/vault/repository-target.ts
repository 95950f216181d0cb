import type { VaultSpec } from '../../manifests/primitives.ts';
import { AgentError } from '../errors.ts';
import type { DeviceIdentity, LocalIdentity } from '../identity/identity-store.ts';
import type { VaultAccess } from './job-protocol.ts';

export type RepositoryTarget = {
  readonly location: string;
  /** It is reached over a network. */
  readonly isRemote: boolean;
  /** The control plane's own: this device's certificate opens the door. */
  readonly isOwnCloud: boolean;
};

/** Where the snapshots of a device go: what the manifest says, else the control plane's vault of the device. */
export function repositoryTarget(
  vault: VaultSpec | undefined,
  identity: Pick<DeviceIdentity, 'url' | 'device'> | LocalIdentity,
): RepositoryTarget {
  if (!('url' in identity)) return targetWithoutCloud(vault);
  const location = vault?.repository ?? `rest:${new URL(`/vault/${identity.device}/`, identity.url).href}`;
  const isRest = location.startsWith('rest:');
  const isOwnCloud = isRest && originOf(location.slice('rest:'.length)) === originOf(identity.url);
  return { location, isRemote: !location.startsWith('/'), isOwnCloud };
}

/** A device that is not enrolled has no vault at a control plane: folders and other servers are as good to it as ever. */
function targetWithoutCloud(vault: VaultSpec | undefined): RepositoryTarget {
  const location = vault?.repository;
  if (location === undefined)
    return { location: 'the vault of a control plane', isRemote: true, isOwnCloud: true };
  return { location, isRemote: !location.startsWith('/'), isOwnCloud: false };
}

/**
 * What is shown to the server. Rejects with AgentError 'unknownSecret' when the login it needs is not set on this device, 'notEnrolled'
 * when the repository is that of a control plane and the device has none.
 */
export async function repositoryCredentials(
  { isOwnCloud }: RepositoryTarget,
  vault: VaultSpec | undefined,
  {
    identity,
    secret,
  }: {
    readonly identity: Pick<DeviceIdentity, 'ca' | 'certificate' | 'key'> | LocalIdentity;
    readonly secret: (name: string) => Promise<string | undefined>;
  },
): Promise<VaultAccess['http']> {
  if (isOwnCloud) {
    if (!('certificate' in identity)) throw notEnrolled();
    const { ca, certificate, key } = identity;
    return { ca, identity: { certificate, key } };
  }
  if (vault?.login === undefined) return {};
  const login = await secret(vault.login);
  if (login !== undefined) return { login: login.trim() };
  throw new AgentError(
    'unknownSecret',
    `The vault needs the secret ${vault.login}, which this device does not have`,
    {
      hint: `Set it to user:password: holdfast secrets set ${vault.login}.`,
    },
  );
}

function notEnrolled(): AgentError {
  return new AgentError(
    'notEnrolled',
    'Snapshots go to a control plane, and this device is enrolled with none',
    {
      hint: 'Enrol it (holdfast agent up --token TOKEN), or name a folder as vault.repository.',
    },
  );
}

function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin;
}
