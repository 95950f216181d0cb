import type { Server } from 'node:net';
import { errorCode, errorMessage } from '../lib/error-code.ts';
import type { Logger } from '../lib/logger.ts';
import {
  isNoAddressHere,
  isPortTaken,
  listenAt,
  listenOnRememberedPort,
  noAddressHint,
} from '../lib/remembered-port.ts';
import { AgentError } from './errors.ts';

export type ListenOptions = {
  readonly root: string;
  readonly host: string;
  /** 0: the port chosen at an earlier start, else a free one. */
  readonly port: number;
  readonly logger: Logger;
};

/** Makes `server` listen and resolves with its port. Rejects with AgentError 'portInUse', 'badInput' or 'broken'. */
export async function listenOnOwnPort(
  server: Server,
  name: 'mqtt' | 'http',
  { root, host, port, logger }: ListenOptions,
): Promise<number> {
  const listen = (port: number): Promise<number> => listenAt(server, { host, port });
  try {
    return await listenOnRememberedPort({ folder: root, name, port, listen, logger });
  } catch (error) {
    throw explainListenFailure(error, `Cannot listen for ${name.toUpperCase()} on ${host}:${port}`);
  }
}

/** Gives an AgentError 'portInUse', 'badInput' (no such address) or 'broken' for what `listen` failed with. */
export function explainListenFailure(cause: unknown, what: string): AgentError {
  if (isPortTaken(cause))
    return new AgentError('portInUse', `${what}: the port is in use or not allowed to this user`, {
      cause,
      hint: 'Stop the program that uses it, or choose another port.',
    });
  if (isNoAddressHere(cause))
    return new AgentError('badInput', `${what}: this machine does not have that address`, {
      cause,
      hint: noAddressHint,
    });
  return new AgentError('broken', `${what} (${errorCode(cause) ?? errorMessage(cause)})`, {
    cause,
    hint: 'Check the address and the right to use this port.',
  });
}
