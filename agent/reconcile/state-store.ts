import { Low } from 'lowdb';
import { z } from 'zod';
import {
  conditionSchema,
  digestSchema,
  generationSchema,
  phaseSchema,
} from '../../cloud-sync/protocol/messages.ts';
import { AgentError } from '../errors.ts';
import { DurableAdapter } from './durable-adapter.ts';

const pointerSchema = z.strictObject({ generation: generationSchema, digest: digestSchema });
/** One generation and the digest of its manifest. */
export type Pointer = z.output<typeof pointerSchema>;

const stateSchema = z.strictObject({
  version: z.literal(1),
  session: z.int().min(0),
  reportedSeq: z.int().min(0),
  /** The newest generation accepted: a floor, nothing lower is taken any more. */
  observed: pointerSchema.extend({ size: z.int().min(1) }).nullable(),
  /** The one generation that runs. */
  current: pointerSchema.nullable(),
  /** What ran before `current`: where a failed activation goes back to. */
  previous: pointerSchema.nullable(),
  phase: phaseSchema.nullable(),
  conditions: z.array(conditionSchema).max(32),
});
export type AgentState = z.output<typeof stateSchema>;

export const emptyState: AgentState = {
  version: 1,
  session: 0,
  reportedSeq: 0,
  observed: null,
  current: null,
  previous: null,
  phase: null,
  conditions: [],
};

/** What the agent knows of its own generations, on disk before it is acted on. */
export class StateStore {
  readonly #database: Low<AgentState>;
  #writing: Promise<void> = Promise.resolve();

  readonly #path: string;

  private constructor(database: Low<AgentState>, path: string) {
    this.#database = database;
    this.#path = path;
  }

  static async open(path: string, onRecovered: (reason: string) => void): Promise<StateStore> {
    const adapter = new DurableAdapter({ path, schema: stateSchema, onRecovered });
    const database = new Low<AgentState>(adapter, emptyState);
    await database.read();
    return new StateStore(database, path);
  }

  get state(): Readonly<AgentState> {
    return this.#database.data;
  }

  /**
   * Merges `change` and resolves when it is on disk. Calls are written in order. On failure the state stays as it was;
   * 'diskFull' is transient, any other failure of the disk is the caller's end.
   */
  async update(change: Partial<AgentState>): Promise<void> {
    const write = this.#writing.then(() => this.#replace({ ...this.#database.data, ...change }));
    this.#writing = write.catch(() => undefined);
    await write;
  }

  async #replace(next: AgentState): Promise<void> {
    const before = this.#database.data;
    this.#database.data = next;
    try {
      await this.#database.write();
    } catch (error) {
      this.#database.data = before;
      if (!isFull(error)) throw error;
      throw new AgentError(
        'diskFull',
        `The disk is full: the state of the agent cannot be written to ${this.#path}`,
        {
          cause: error,
          transient: true,
          hint: 'Free some space; the agent goes on by itself.',
        },
      );
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** What the loop and the reporter need of the store. */
export type StateHolder = Pick<StateStore, 'state' | 'update'>;
