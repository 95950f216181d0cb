import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { AgentError } from '../errors.ts';

const portsSchema = z.strictObject({ mqtt: z.int().min(1).max(65_535) });

export type ListenOptions = {
  readonly root: string;
  readonly host: string;
  /** 0: the port chosen at an earlier start, else a free one. */
  readonly port: number;
  readonly logger: Logger;
};

/** Makes `server` listen and resolves with its port. A fixed port that is taken rejects with 'portInUse'. */
export async function listenOnOwnPort(server: Server, options: ListenOptions): Promise<number> {
  const { root, host, port, logger } = options;
  if (port !== 0) return listen(server, host, port);
  const file = join(root, 'ports.json');
  const remembered = await readPorts(file, logger);
  if (remembered !== undefined) {
    try {
      return await listen(server, host, remembered);
    } catch (error) {
      logger.warn('mqtt.port.changed', { port: remembered, error: errorMessage(error) });
    }
  }
  const chosen = await listen(server, host, 0);
  await atomicWrite(file, `${JSON.stringify({ mqtt: chosen })}\n`);
  return chosen;
}

async function readPorts(file: string, logger: Logger): Promise<number | undefined> {
  try {
    return portsSchema.parse(JSON.parse(await readFile(file, 'utf8'))).mqtt;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') logger.warn('mqtt.ports.unreadable', { file });
    return undefined;
  }
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const fail = (error: NodeJS.ErrnoException): void => reject(explain(error, host, port));
  server.once('error', fail);
  server.listen({ host, port }, () => {
    server.off('error', fail);
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE')
    return new AgentError('portInUse', `Cannot listen for MQTT on ${host}:${port}: the port is in use`, {
      cause: error,
      hint: 'Stop the program that uses it, or choose another port.',
    });
  return new AgentError(
    'broken',
    `Cannot listen for MQTT on ${host}:${port} (${error.code ?? error.message})`,
    {
      cause: error,
      hint: 'Check the address and the right to use this port.',
    },
  );
}
