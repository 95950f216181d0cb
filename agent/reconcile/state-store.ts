import { Low } from 'lowdb';
import { z } from 'zod';
import {
  conditionSchema,
  digestSchema,
  generationSchema,
  phaseSchema,
} from '../../cloud-sync/protocol/messages.ts';
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

const emptyState: AgentState = {
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

  private constructor(database: Low<AgentState>) {
    this.#database = database;
  }

  static async open(path: string, onRecovered: (reason: string) => void): Promise<StateStore> {
    const adapter = new DurableAdapter({ path, schema: stateSchema, onRecovered });
    const database = new Low<AgentState>(adapter, emptyState);
    await database.read();
    return new StateStore(database);
  }

  get state(): Readonly<AgentState> {
    return this.#database.data;
  }

  /** Merges `change` and resolves when it is on disk. Calls are written in order. */
  async update(change: Partial<AgentState>): Promise<void> {
    const write = this.#writing.then(async () => {
      this.#database.data = { ...this.#database.data, ...change };
      await this.#database.write();
    });
    this.#writing = write.catch(() => undefined);
    await write;
  }
}
