import { link, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Adapter } from 'lowdb';
import { atomicWrite } from '../../lib/atomic-write.ts';
import { digestOf } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { AgentError } from '../errors.ts';
import { writeInPlace } from './write-in-place.ts';

const envelopeSchema = z.strictObject({ checksum: z.string(), data: z.unknown() });

export type DurableAdapterOptions<T> = {
  readonly path: string;
  readonly schema: z.ZodType<T>;
  /** Called when the file was broken and its previous copy was taken. */
  readonly onRecovered: (reason: string) => void;
};

/** What a disk gives at a time. A file of whole ones, with so much to spare, can be written again when there are no more. */
const placeBytes = 4096;
const spareBytes = 512;

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

  /**
   * The newest whole copy; null when there is none. Rejects with 'stateBroken' when both copies are broken, with 'unsupported'
   * when one is whole but holds what this agent does not know: the copy before it would be what that agent has left behind it.
   */
  async read(): Promise<T | null> {
    const current = await this.#load(this.#options.path);
    if (current.ok) return current.data;
    if (current.isForeign) throw this.#foreign(current.reason);
    const previous = await this.#load(this.#previous);
    if (!previous.ok) {
      if (previous.isForeign) throw this.#foreign(previous.reason);
      if (current.missing && previous.missing) return null;
      const copy = previous.missing ? 'there is no copy before it' : 'so is the copy before it';
      throw new AgentError(
        'stateBroken',
        `The state file ${this.#options.path} is broken (${current.reason}) and ${copy}`,
        {
          hint: 'Bring this device back from its machine file: holdfast restore machine.yaml --root NEW_FOLDER.',
        },
      );
    }
    this.#options.onRecovered(current.reason);
    return previous.data;
  }

  /**
   * Resolves when the new copy is on disk, and another beside it: where there was no whole one, as at first, that is the same once
   * more. On a full disk it takes the place of the copy before, as long as it fits there. Not for concurrent calls.
   */
  async write(data: T): Promise<void> {
    const text = JSON.stringify(data);
    const envelope = padded(
      JSON.stringify({ checksum: digestOf(text), data: JSON.parse(text) as unknown }, null, 2),
    );
    if ((await this.#load(this.#options.path)).ok) {
      await this.#replace(envelope);
      return;
    }
    await atomicWrite(this.#options.path, envelope);
    if (!(await this.#load(this.#previous)).ok) await atomicWrite(this.#previous, envelope);
  }

  async #replace(envelope: string): Promise<void> {
    const { path } = this.#options;
    try {
      // Not sooner: as long as both names are those of one file, what spoils it spoils both copies.
      await atomicWrite(path, envelope, { beforeReplacing: () => this.#keepPrevious() });
    } catch (error) {
      const isFull = ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
      if (!isFull || !(await writeInPlace(envelope, { path, previous: this.#previous }))) throw error;
    }
  }

  async #keepPrevious(): Promise<void> {
    const temporary = `${this.#previous}.tmp`;
    await rm(temporary, { force: true });
    await link(this.#options.path, temporary);
    await rename(temporary, this.#previous);
  }

  #foreign(reason: string): AgentError {
    return new AgentError(
      'unsupported',
      `The state file ${this.#options.path} is of a newer agent: this one does not know its ${reason}`,
      { hint: 'Run the newer agent again.' },
    );
  }

  async #load(path: string): Promise<Loaded<T>> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        return { ...broken, missing: true, reason: 'missing' };
      throw error;
    }
    try {
      const { checksum, data } = envelopeSchema.parse(JSON.parse(text));
      if (digestOf(JSON.stringify(data)) !== checksum) return { ...broken, reason: 'checksum mismatch' };
      const { success, data: known, error } = this.#options.schema.safeParse(data);
      if (success) return { ok: true, data: known };
      const unknown = unknownPart(error);
      return unknown === undefined
        ? { ...broken, reason: 'unexpected content' }
        : { ...broken, isForeign: true, reason: unknown };
    } catch (error) {
      return { ...broken, reason: error instanceof SyntaxError ? 'not JSON' : 'unexpected content' };
    }
  }
}

/** Space behind JSON says nothing. */
function padded(json: string): string {
  const bytes = Buffer.byteLength(json) + spareBytes;
  return `${json}${' '.repeat(spareBytes + placeBytes - 1 - (bytes % placeBytes))}\n`;
}

type Loaded<T> =
  | { readonly ok: true; readonly data: T }
  | {
      readonly ok: false;
      readonly missing: boolean;
      /** Every byte is as it was written, by an agent that writes more than this one. */
      readonly isForeign: boolean;
      readonly reason: string;
    };

const broken = { ok: false, missing: false, isForeign: false } as const;

/** More, or less, than there may be: that a mistake of this agent may have written too. */
const ownMistakes: ReadonlySet<string> = new Set(['too_big', 'too_small', 'custom']);

/** Such as `repository.slot`: a key, or what it has for a value, that this agent never writes. Undefined where nothing tells of a newer one. */
function unknownPart({ issues }: z.ZodError): string | undefined {
  const issue = issues.find(({ code }) => !ownMistakes.has(code));
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  return issue && [...issue.path, ...keys].join('.');
}
