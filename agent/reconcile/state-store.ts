import { Low } from 'lowdb';
import { errorCode, errorMessage } from '../../lib/error-code.ts';
import { AgentError } from '../errors.ts';
import { DurableAdapter } from './durable-adapter.ts';
import { emptyState, stateSchema, type AgentState } from './state-schema.ts';

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
