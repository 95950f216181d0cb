import { link, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Adapter } from 'lowdb';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { digestOf } from '../../lib/digest.ts';
import { AgentError } from '../errors.ts';

const envelopeSchema = z.strictObject({ checksum: z.string(), data: z.unknown() });

export type DurableAdapterOptions<T> = {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** Called when the file was broken and its previous copy was taken. */
  readonly onRecovered: (reason: string) => void;
};

/**
 * A lowdb adapter whose file survives kill -9, power loss and a flipped bit: checksum inside, replaced whole, the copy
 * before it kept as `<path>.previous`. [G1, G8]
 */
export class DurableAdapter<T> implements Adapter<T> {
  readonly #options: DurableAdapterOptions<T>;
  readonly #previous: string;

  constructor(options: DurableAdapterOptions<T>) {
    this.#options = options;
    this.#previous = `${options.path}.previous`;
  }

  /** The newest whole copy; null when there is none. Rejects with 'stateBroken' when both copies are broken. */
  async read(): Promise<T | null> {
    const current = await this.#load(this.#options.path);
    if (current.ok) return current.data;
    const previous = await this.#load(this.#previous);
    if (!previous.ok) {
      if (current.missing && previous.missing) return null;
      throw new AgentError(
        'stateBroken',
        `The state file ${this.#options.path} is broken (${current.reason}) and so is the copy before it`,
        {
          hint: 'Bring this device back from its machine file: holdfast restore machine.yaml --root NEW_FOLDER.',
        },
      );
    }
    this.#options.onRecovered(current.reason);
    return previous.data;
  }

  /** Resolves when the new copy is on disk. Not for concurrent calls. */
  async write(data: T): Promise<void> {
    const text = JSON.stringify(data);
    const envelope = JSON.stringify({ checksum: digestOf(text), data: JSON.parse(text) as unknown }, null, 2);
    if ((await this.#load(this.#options.path)).ok) await this.#keepPrevious();
    await atomicWrite(this.#options.path, `${envelope}\n`);
  }

  async #keepPrevious(): Promise<void> {
    const temporary = `${this.#previous}.tmp`;
    await rm(temporary, { force: true });
    await link(this.#options.path, temporary);
    await rename(temporary, this.#previous);
  }

  async #load(path: string): Promise<Loaded<T>> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return { ok: false, missing: true, reason: 'missing' };
      throw error;
    }
    try {
      const { checksum, data } = envelopeSchema.parse(JSON.parse(text));
      if (digestOf(JSON.stringify(data)) !== checksum)
        return { ok: false, missing: false, reason: 'checksum mismatch' };
      return { ok: true, data: this.#options.schema.parse(data) };
    } catch (error) {
      return {
        ok: false,
        missing: false,
        reason: error instanceof SyntaxError ? 'not JSON' : 'unexpected content',
      };
    }
  }
}

type Loaded<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly missing: boolean; readonly reason: string };
