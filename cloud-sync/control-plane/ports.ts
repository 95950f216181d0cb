import { isPortTaken, listenOnRememberedPort, type PortRequest } from '../../lib/remembered-port.ts';
import { SyncError } from '../errors.ts';

/** As `listenOnRememberedPort`; rejects with SyncError 'portInUse' when a port that was asked for is taken. */
export async function openPort(request: PortRequest): Promise<number> {
  try {
    return await listenOnRememberedPort(request);
  } catch (cause) {
    if (!isPortTaken(cause)) throw cause;
    throw new SyncError('portInUse', `Port ${request.port} is in use or not allowed to this user`, {
      cause,
      hint: 'Stop the program that has it, or choose another port.',
    });
  }
}
