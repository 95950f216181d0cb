import {
  isNoAddressHere,
  isPortTaken,
  listenOnRememberedPort,
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
        hint: 'Name an address of this machine, 127.0.0.1 for itself alone or 0.0.0.0 for all of them.',
      });
    if (!isPortTaken(cause)) throw cause;
    throw new SyncError('portInUse', `Port ${request.port} is in use or not allowed to this user`, {
      cause,
      hint: 'Stop the program that has it, or choose another port.',
    });
  }
}
