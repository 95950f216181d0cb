import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { Logger } from '../../../lib/logger.ts';

const cursorSchema = z.strictObject({ position: z.int().min(0) });

/** Up to which stored message the collector has everything: a file of its own, so that it moves with one small fsync. */
export class OtlpCursor {
  readonly #path: string;
  #position: number;

  private constructor(path: string, position: number) {
    this.#path = path;
    this.#position = position;
  }

  /** Begins with the oldest message that is stored when there is no cursor yet, or none that can be read. */
  static async open(path: string, logger: Logger): Promise<OtlpCursor> {
    try {
      return new OtlpCursor(path, cursorSchema.parse(JSON.parse(await readFile(path, 'utf8'))).position);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT')
        logger.warn('otlp.cursor.unreadable', { error: errorMessage(error) });
      return new OtlpCursor(path, 0);
    }
  }

  get position(): number {
    return this.#position;
  }

  /** Resolves when it is on disk. */
  async moveTo(position: number): Promise<void> {
    if (position === this.#position) return;
    await atomicWrite(this.#path, `${JSON.stringify({ position })}\n`);
    this.#position = position;
  }
}
