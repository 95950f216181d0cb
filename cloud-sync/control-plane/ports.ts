import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../lib/atomic-write.ts';
import type { Logger } from '../../lib/logger.ts';
import { SyncError } from '../errors.ts';

const portsSchema = z.record(z.string(), z.int().min(1).max(65_535));

export type PortRequest = {
  /** What the port is for: `api`, `mqtt`. */
  readonly name: string;
  readonly host: string;
  /** 0 for the one of the last run, or a free one. */
  readonly port: number;
};

/**
 * Lets servers of one folder listen. A port that was free once is remembered in `ports.json` and taken again at the
 * next start, so that enrolled devices find it; if another program has it by then, another free one is taken.
 */
export class Ports {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #remembered: Record<string, number>;

  private constructor(path: string, logger: Logger, remembered: Record<string, number>) {
    this.#path = path;
    this.#logger = logger;
    this.#remembered = remembered;
  }

  static async open(folder: string, logger: Logger): Promise<Ports> {
    const path = join(folder, 'ports.json');
    return new Ports(path, logger, await readPorts(path));
  }

  /** Gives back the port. Rejects with SyncError 'portInUse' when a port that was asked for is taken. */
  async listen(server: Server, { name, host, port }: PortRequest): Promise<number> {
    if (port !== 0) return listenOn(server, host, port);
    const remembered = this.#remembered[name] ?? 0;
    const taken = await listenOn(server, host, remembered).catch((error: unknown) => {
      if (!(error instanceof SyncError) || error.code !== 'portInUse') throw error;
      this.#logger.warn('port.changed', { name, previous: remembered });
      return listenOn(server, host, 0);
    });
    if (taken !== remembered) {
      this.#remembered[name] = taken;
      await atomicWrite(this.#path, `${JSON.stringify(this.#remembered)}\n`);
    }
    return taken;
  }
}

async function listenOn(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen(port, host, () => resolve(undefined));
  try {
    await promise;
  } catch (cause) {
    throw inUse(cause) ? portInUse(host, port, cause) : cause;
  } finally {
    server.removeListener('error', reject);
  }
  return (server.address() as AddressInfo).port;
}

const inUse = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');

const portInUse = (host: string, port: number, cause: unknown) =>
  new SyncError('portInUse', `Port ${port} of ${host} is in use or not allowed`, {
    cause,
    hint: 'Stop the program that has it, or choose another port.',
  });

/** A file that is missing or broken costs only the old numbers. */
async function readPorts(path: string): Promise<Record<string, number>> {
  try {
    return portsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}
