import { join } from 'node:path';
import { openManifestSource } from './reconcile/manifest-source.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Machine } from '../manifests/machine.ts';
import { AgentError } from './errors.ts';
import { loadIdentity, loadLocalIdentity, type Identity } from './identity/identity-store.ts';
import { SecretStore } from './outside/secret-store.ts';
import { openState } from './root-folder.ts';

/** What a program beside the agent has to know of the device in `root` to reach its vault. */
export type DeviceHere = {
  readonly identity: Identity;
  /** The manifest that runs. */
  readonly machine: Machine;
  readonly secret: (name: string) => Promise<string | undefined>;
};

/** Reads only. Rejects with AgentError 'notEnrolled', 'notConfigured', 'stateBroken', 'corrupt'. */
export async function readDevice(root: string): Promise<DeviceHere> {
  const identity = (await loadIdentity(root)) ?? (await loadLocalIdentity(root));
  if (!identity) {
    throw new AgentError('notEnrolled', `There is no device in ${root}`, {
      hint: 'Name its folder with --root, or a repository with --repository.',
    });
  }
  const { current } = (await openState(root, silentLogger)).state;
  if (!current) {
    throw new AgentError('notConfigured', `No manifest runs on ${identity.device} yet`, {
      hint: 'Deploy one: holdfast deploy machine.yaml.',
    });
  }
  const manifests = await openManifestSource({
    folder: join(root, 'manifests'),
    device: identity.device,
    download: () => Promise.reject(new Error('Nothing is fetched here')),
  });
  const secrets = SecretStore.beside(root);
  return { identity, machine: await manifests.load(current), secret: (name) => secrets.get(name) };
}
