import { z } from 'zod';
import {
  conditionSchema,
  desiredSchema,
  digestSchema,
  generationSchema,
  phaseSchema,
} from '../../cloud-sync/protocol/messages.ts';

const pointerSchema = z.strictObject({ generation: generationSchema, digest: digestSchema });
/** One generation and the digest of its manifest. */
export type Pointer = z.output<typeof pointerSchema>;

/** Ids of snapshots by the name of the volume. */
const securedSchema = z.record(z.string().max(63), z.string().max(128));
export type SecuredData = z.output<typeof securedSchema>;

const historyMax = 200;
const pinnedMax = 100;

const triedSchema = pointerSchema.extend({
  time: z.iso.datetime(),
  outcome: z.enum(['committed', 'rolledBack', 'failed', 'rejected']),
  reason: z.string().max(2048).optional(),
});
/** A generation whose attempt is over, and how it ended. */
export type Tried = z.output<typeof triedSchema>;

/** What a file of an earlier agent lacks has a default. */
export const stateSchema = z.strictObject({
  version: z.literal(1),
  session: z.int().min(0),
  reportedSeq: z.int().min(0),
  /** The newest generation accepted: a floor, nothing lower is taken any more. */
  observed: desiredSchema.nullable(),
  /** The one generation that runs. */
  current: pointerSchema.nullable(),
  /** What ran before `current`: where a failed activation goes back to. */
  previous: pointerSchema.nullable(),
  phase: phaseSchema.nullable(),
  conditions: z.array(conditionSchema).max(32),
  /** `current` was switched to and is not committed: it goes back to `previous`, and these volumes to these snapshots. */
  trial: z.strictObject({ generation: generationSchema, data: securedSchema }).nullable().default(null),
  /** `current` is given up, for this reason; what it had changed is being put back. */
  undo: z.strictObject({ generation: generationSchema, condition: conditionSchema }).nullable().default(null),
  /** Since when locks of apps hold this generation back; milliseconds since 1970. */
  locked: z.strictObject({ generation: generationSchema, sinceMs: z.int() }).nullable().default(null),
  /** The oldest first. */
  history: z.array(triedSchema).max(historyMax).default([]),
  pinned: z.array(generationSchema).max(pinnedMax).default([]),
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
  trial: null,
  undo: null,
  locked: null,
  history: [],
  pinned: [],
};

export const stateBounds = { historyMax, pinnedMax };

/** What is not committed yet of what runs. A file of an earlier agent says it by the phase alone. */
export function trialOf({ trial, current, observed, phase }: AgentState): AgentState['trial'] {
  if (trial !== null || current === null) return trial;
  const isSwitched = phase === 'applying' || phase === 'verifying';
  return isSwitched && current.generation === observed?.generation
    ? { generation: current.generation, data: {} }
    : null;
}

/** Whether the generation that ran before the present one may run again without anybody's doing: it wants then what it had. */
export function mayGoBack(state: AgentState): boolean {
  return trialOf(state) !== null || state.undo !== null;
}

/** What the loop and the reporter need of the store. */
export type StateHolder = {
  readonly state: Readonly<AgentState>;
  /**
   * Merges what `change` makes of the newest state, and resolves when it is on disk. Calls are taken in order; a change of
   * nothing writes nothing. On failure the state stays as it was. Errors: 'diskFull' (transient), 'broken'.
   */
  update(change: (state: AgentState) => Partial<AgentState>): Promise<void>;
};
