import { parseEnrolmentToken } from '../../cloud-sync/trust/index.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';
import type { StateHolder } from '../reconcile/state-schema.ts';
import { enrol } from './enrol.ts';
import { isEnrolmentBegun, loadIdentity, loadLocalIdentity, type Identity } from './identity-store.ts';

export type TakeIdentityOptions = {
  /** Not looked at when the device has an identity. */
  readonly token: string | undefined;
  readonly store: StateHolder;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/**
 * Who the device in `root` is: as it was enrolled; else by the token; else by the name it was brought back under without a cloud.
 * Rejects with AgentError 'notEnrolled' when it is nobody yet, 'badInput' for the token of another machine, or as `enrol`.
 */
export async function takeIdentity(
  root: string,
  { token, store, logger, signal }: TakeIdentityOptions,
): Promise<Identity> {
  const enrolled = await loadIdentity(root);
  if (enrolled) return enrolled;
  const local = await loadLocalIdentity(root);
  if (token === undefined) {
    if (local) return local;
    if (await isEnrolmentBegun(root)) {
      throw new AgentError('notEnrolled', `The enrolment of the device in ${root} was cut short`, {
        hint: 'Start it again with the same --token TOKEN, which this device may use again unless it was refused: then take a new one (holdfast devices enrol NAME). Or go on with holdfast restore machine.yaml.',
      });
    }
    throw new AgentError('notEnrolled', `There is no device in ${root} yet`, {
      hint: 'Enrol it with --token TOKEN (from holdfast devices enrol NAME), or bring one back with holdfast restore machine.yaml.',
    });
  }
  if (local) {
    requireSameDevice(token, local.device);
    // What runs stays; but its number is of no cloud, and must not stand in the way of those that come.
    if (store.state.observed) await store.update(() => ({ observed: null }));
  }
  return enrol(token, { root, logger, signal });
}

/** Another device's token would take that device's identity. */
function requireSameDevice(token: string, name: string): void {
  const { device } = parseEnrolmentToken(token);
  if (device !== name)
    throw new AgentError('badInput', `The token is for ${device}, and this machine is ${name}`);
}
