import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { SyncError } from '../errors.ts';

const portsSchema = z.record(z.string(), z.int().min(1).max(65_535));

export type PortRequest = {
  /** What the port is for: `api`, `mqtt`. */
  readonly name: string;
  /** 0 for the one of the last run, or a free one. */
  readonly port: number;
  /** Listens at `port`, or at a free one for 0, and gives back which. Rejects as node's `listen` does. */
  readonly listen: (port: number) => Promise<number>;
};

/**
 * Lets the servers of one folder listen. A port that was free once is remembered in `ports.json` and taken again at the
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
  async listen({ name, port, listen }: PortRequest): Promise<number> {
    if (port !== 0) return attempt(port, listen);
    const remembered = this.#remembered[name] ?? 0;
    const taken = await attempt(remembered, listen).catch((error: unknown) => {
      if (remembered === 0 || !(error instanceof SyncError)) throw error;
      this.#logger.warn('port.changed', { name, previous: remembered });
      return attempt(0, listen);
    });
    if (taken !== remembered) {
      this.#remembered[name] = taken;
      await atomicWrite(this.#path, `${JSON.stringify(this.#remembered)}\n`);
    }
    return taken;
  }
}

async function attempt(port: number, listen: PortRequest['listen']): Promise<number> {
  try {
    return await listen(port);
  } catch (cause) {
    if (!isTaken(cause)) throw cause;
    throw new SyncError('portInUse', `Port ${port} is in use or not allowed to this user`, {
      cause,
      hint: 'Stop the program that has it, or choose another port.',
    });
  }
}

const isTaken = (error: unknown) => ['EADDRINUSE', 'EACCES'].includes(errorCode(error) ?? '');

/** A file that is missing or broken costs only the old numbers. */
async function readPorts(path: string): Promise<Record<string, number>> {
  try {
    return portsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}
