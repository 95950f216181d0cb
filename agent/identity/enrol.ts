import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import type { EnrolResponse } from '../../cloud-sync/protocol/api.ts';
import {
  createCsr,
  createDeviceKey,
  fetchPinnedCa,
  openRecoveryKey,
  parseEnrolmentToken,
  recoveryMessage,
} from '../../cloud-sync/trust/index.ts';
import type { Digest } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { retry } from '../../lib/retry.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Machine } from '../../manifests/index.ts';
import { AgentError } from '../errors.ts';
import { isTransient } from '../reconcile/failure.ts';
import { deviceKey, loadIdentity, saveIdentity, type DeviceIdentity } from './identity-store.ts';

export type EnrolOptions = { readonly root: string; readonly logger: Logger; readonly signal: AbortSignal };

/**
 * Gives the device in `root` an identity by a one-time token: makes its key (once), proves possession of it, stores the
 * certificate. May be repeated after a crash with the same token. Waits for a cloud that is away, up to about a minute.
 * Errors: SyncError 'badToken', 'tokenExpired', 'tokenUsed', 'pinMismatch', 'network'.
 */
export async function enrol(token: string, { root, logger, signal }: EnrolOptions): Promise<DeviceIdentity> {
  const { url, ca, device, secret } = parseEnrolmentToken(token);
  const csr = await requestFor(root, device);
  const answer = await patiently({ logger, signal }, () =>
    withControlPlane({ url, pin: ca, signal }, (cloud) => cloud.enrol({ device, secret, csr }, { signal })),
  );
  return store(root, url, answer);
}

/**
 * Gives a blank machine the identity that its machine file names, by the recovery key in that file and the owner's
 * passphrase. Certificates before this one are revoked. Errors: SyncError 'wrongPassphrase', 'badRecoveryKey', …
 */
export async function recover(
  machine: Machine,
  passphrase: string,
  { root, logger, signal }: EnrolOptions,
): Promise<DeviceIdentity> {
  const { control, metadata } = machine;
  if (control?.recovery === undefined) {
    throw new AgentError('notEnrolled', `The machine file of ${metadata.name} has no control.recovery key`, {
      hint: 'Ask an operator for a one-time token (holdfast devices enrol) and pass it with --token.',
    });
  }
  const { url, ca, recovery } = control;
  const device = metadata.name;
  const key = await openRecoveryKey(recovery, passphrase);
  const csr = await requestFor(root, device);
  const answer = await patiently({ logger, signal }, () =>
    withControlPlane({ url, pin: ca as Digest | undefined, signal }, async (cloud) => {
      const { nonce } = await cloud.recoveryChallenge({ device }, { signal });
      const signature = key.sign(recoveryMessage({ device, nonce, csr }));
      return cloud.recover({ device, nonce, csr, signature }, { signal });
    }),
  );
  return store(root, url, answer);
}

async function requestFor(root: string, device: string): Promise<string> {
  const key = await deviceKey(root, () => Promise.resolve(createDeviceKey().privateKeyPem));
  return createCsr(key, device);
}

type Reach = { readonly url: string; readonly pin: Digest | undefined; readonly signal: AbortSignal };

/** Without a pin the system's certificate authorities decide. */
async function withControlPlane<T>(
  { url, pin, signal }: Reach,
  work: (cloud: ControlPlaneClient) => Promise<T>,
): Promise<T> {
  const ca = pin === undefined ? undefined : (await fetchPinnedCa({ url, pin, signal })).ca;
  await using http = createHttpsClient(ca === undefined ? {} : { ca });
  return await work(new ControlPlaneClient({ url, http }));
}

function patiently<T>(
  { logger, signal }: Pick<EnrolOptions, 'logger' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  return retry(work, {
    attempts: 20,
    minDelayMs: 200,
    maxDelayMs: 5000,
    signal,
    isTransient,
    onRetry: (error, delayMs) => logger.warn('identity.waiting', { error, delayMs }),
  });
}

async function store(
  root: string,
  url: string,
  { tenant, device, certificate, ca, mqtt }: EnrolResponse,
): Promise<DeviceIdentity> {
  await saveIdentity(root, { version: 1, tenant, device, url, mqtt, certificate, ca });
  const identity = await loadIdentity(root);
  if (!identity)
    throw new AgentError('stateBroken', `The identity just written to ${root} cannot be read back`);
  return identity;
}
