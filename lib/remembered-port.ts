import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from './atomic-write.ts';
import { errorCode } from './error-code.ts';
import type { Logger } from './logger.ts';

const portsSchema = z.record(z.string().max(64), z.int().min(1).max(65_535));

export type PortRequest = {
  /** Where `ports.json` is; its owner asks for one port after the other. */
  readonly folder: string;
  /** What the port is for: `api`, `mqtt`, `http`. */
  readonly name: string;
  /** 0 for the one of the last run, or a free one. */
  readonly port: number;
  /** Listens at `port`, or at a free one for 0, and gives back which. Rejects as node's `listen` does. */
  readonly listen: (port: number) => Promise<number>;
  readonly logger: Logger;
};

/**
 * Lets a server listen and gives back its port. A port that was free once is remembered and taken again at the next start, so
 * that who knows it finds it; if another program has it by then, another free one is taken. Rejects as `listen` does.
 */
export async function listenOnRememberedPort(request: PortRequest): Promise<number> {
  const { folder, name, port, listen, logger } = request;
  if (port !== 0) return listen(port);
  const file = join(folder, 'ports.json');
  const ports = await readPorts(file, logger);
  const remembered = ports[name] ?? 0;
  const chosen = await listen(remembered).catch((error: unknown) => {
    if (remembered === 0 || !isPortTaken(error)) throw error;
    logger.warn('port.changed', { name, previous: remembered });
    return listen(0);
  });
  if (chosen !== remembered) await atomicWrite(file, `${JSON.stringify({ ...ports, [name]: chosen })}\n`);
  return chosen;
}

/** Makes `server` listen and gives back its port. Rejects with node's error; the server can then be asked again. */
export async function listenAt(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  // `once` rejects on 'error'.
  const listening = once(server, 'listening');
  server.listen({ host, port });
  await listening;
  return (server.address() as AddressInfo).port;
}

/** Another program has the port, or this user may not take it. */
export function isPortTaken(error: unknown): boolean {
  return ['EADDRINUSE', 'EACCES'].includes(errorCode(error) ?? '');
}

/** There is no such address on this machine, or none of that name. */
export function isNoAddressHere(error: unknown): boolean {
  const codes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH'];
  return codes.includes(errorCode(error) ?? '');
}

/** What helps then. */
export const noAddressHint =
  'Name an address of this machine, 127.0.0.1 for itself alone or 0.0.0.0 for all of them.';

/** A file that is missing or broken costs only the old numbers. */
async function readPorts(file: string, logger: Logger): Promise<Record<string, number>> {
  try {
    return portsSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') logger.warn('ports.unreadable', { file });
    return {};
  }
}
