import {
  isNoAddressHere,
  isPortTaken,
  listenOnRememberedPort,
  noAddressHint,
  type PortRequest,
} from '../../lib/remembered-port.ts';
import { SyncError } from '../errors.ts';

/**
 * As `listenOnRememberedPort`; rejects with SyncError 'portInUse' when a port that was asked for is taken, 'badRequest' when `host` is
 * no address of this machine.
 */
export async function openPort({
  host,
  ...request
}: PortRequest & { readonly host: string }): Promise<number> {
  try {
    return await listenOnRememberedPort(request);
  } catch (cause) {
    if (isNoAddressHere(cause))
      throw new SyncError('badRequest', `Cannot listen on ${host}: this machine does not have that address`, {
        cause,
        hint: noAddressHint,
      });
    if (!isPortTaken(cause)) throw cause;
    throw new SyncError('portInUse', `Port ${request.port} is in use or not allowed to this user`, {
      cause,
      hint: 'Stop the program that has it, or choose another port.',
    });
  }
}
