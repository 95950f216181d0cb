import { statfs } from 'node:fs/promises';
import type { Condition } from '../cloud-sync/protocol/messages.ts';
import { errorMessage } from '../lib/error-code.ts';
import type { Logger } from '../lib/logger.ts';

export type DiskWatchOptions = {
  readonly root: string;
  /** `conditions` says something else than before. */
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly measure?: (folder: string) => Promise<Room>;
};

/** What is left of a file system; `files` is null where they are not counted. */
type Room = { readonly bytes: number; readonly files: number | null };

const everyMs = 5000;
/** With less nothing is taken any more, or soon. */
const fullBytes = 2 ** 20;
/** It is said until there is twice that much, so that it is not said and taken back all the time. */
const roomyBytes = 2 * fullBytes;

/** Tells whoever looks after the device that its disk is full: all else goes on as it can. */
export class DiskWatch implements Disposable {
  readonly #options: Required<DiskWatchOptions>;
  #full: Room | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DiskWatchOptions) {
    this.#options = { measure: roomIn, ...options };
  }

  /** Looks now, and every 5 s from then on. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.look(), everyMs).unref();
    await this.look();
  }

  conditions(): Condition[] {
    if (!this.#full) return [];
    const what =
      this.#full.files === 0
        ? 'No more files can be made'
        : `Only ${Math.floor(this.#full.bytes / 1024)} KiB are free`;
    const message = `${what} in ${this.#options.root}: messages, snapshots and new generations are refused. Free some space; the agent goes on by itself.`;
    return [{ type: 'DiskFull', status: true, reason: 'diskFull', message }];
  }

  /** Never rejects. */
  async look(): Promise<void> {
    const { root, measure, onChange, logger } = this.#options;
    const wasFull = this.#full !== undefined;
    try {
      const room = await measure(root);
      const isFull = room.files === 0 || room.bytes < (wasFull ? roomyBytes : fullBytes);
      this.#full = isFull ? (this.#full ?? room) : undefined;
    } catch (error) {
      logger.debug('disk.unmeasured', { error: errorMessage(error) });
      return;
    }
    if (wasFull === (this.#full !== undefined)) return;
    if (wasFull) logger.info('disk.roomy', {});
    else logger.error('disk.full', { message: this.conditions()[0]?.message });
    onChange();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The last blocks of a file system are root's on many. */
async function roomIn(folder: string): Promise<Room> {
  const { blocks, bavail, bfree, bsize, files, ffree } = await statfs(folder);
  return {
    // Some file systems do not know how large they are.
    bytes: blocks === 0 ? Infinity : (process.getuid?.() === 0 ? bfree : bavail) * bsize,
    files: files === 0 ? null : ffree,
  };
}
