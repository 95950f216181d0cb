import { Low } from 'lowdb';
import { z } from 'zod';
import {
  conditionSchema,
  digestSchema,
  generationSchema,
  phaseSchema,
} from '../../cloud-sync/protocol/messages.ts';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
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
   * Merges what `change` makes of the newest state, and resolves when it is on disk. Calls are taken in order; a change of
   * nothing writes nothing. On failure the state stays as it was. Errors: 'diskFull' (transient), 'broken'.
   */
  async update(change: (state: AgentState) => Partial<AgentState>): Promise<void> {
    const write = this.#writing.then(() => this.#merge(change(this.#database.data)));
    this.#writing = write.catch(() => undefined);
    await write;
  }

  async #merge(change: Partial<AgentState>): Promise<void> {
    if (Object.keys(change).length === 0) return;
    const before = this.#database.data;
    this.#database.data = { ...before, ...change };
    try {
      await this.#database.write();
    } catch (error) {
      this.#database.data = before;
      throw this.#failure(error);
    }
  }

  #failure(cause: unknown): AgentError {
    const code = errorCode(cause);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new AgentError('diskFull', `The disk is full: ${this.#path} cannot be written`, {
        cause,
        transient: true,
        hint: 'Free some space; the agent goes on by itself.',
      });
    }
    return new AgentError(
      'broken',
      `The state file ${this.#path} cannot be written: ${errorMessage(cause)}`,
      {
        cause,
        hint: 'Check the disk and its mount, then start the agent again.',
      },
    );
  }
}

/** What the loop and the reporter need of the store. */
export type StateHolder = Pick<StateStore, 'state' | 'update'>;
