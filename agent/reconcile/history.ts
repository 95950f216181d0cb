import { stateBounds, type AgentState, type Pointer, type Tried } from './state-schema.ts';

/** The history with how an attempt at a generation ended; an earlier attempt at the same one is forgotten. */
export function withOutcome(
  { history, pinned }: AgentState,
  { generation, digest }: Pointer,
  ended: Pick<Tried, 'time' | 'outcome' | 'reason'>,
): Tried[] {
  const entry = { generation, digest, ...ended };
  const all = [...history.filter((one) => one.generation !== generation), entry];
  const excess = all.length - stateBounds.historyMax;
  if (excess <= 0) return all;
  const dropped = new Set(all.filter((one) => !pinned.includes(one.generation)).slice(0, excess));
  return all.filter((one) => !dropped.has(one));
}

export type Kept = {
  /** Whatever it takes. */
  readonly always: readonly Pointer[];
  /** As long as there is room; the newest first. */
  readonly optional: readonly Pointer[];
};

/** Generations whose manifests and artifacts stay on disk: `keep` committed ones, and those that must. */
export function keptGenerations(state: AgentState, keep: number): Kept {
  const { observed, current, previous, history, pinned } = state;
  // Not by the number alone: before a device was enrolled, it had numbers of its own.
  const always = new Map<string, Pointer>();
  const must = [observed, current, previous, ...history.filter((one) => pinned.includes(one.generation))];
  for (const one of must) if (one) always.set(keyOf(one), pointerOf(one));
  const committed = history.filter(({ outcome }) => outcome === 'committed');
  const newest = committed.toSorted((a, b) => b.generation - a.generation).slice(0, keep);
  return {
    always: [...always.values()],
    optional: newest.filter((one) => !always.has(keyOf(one))).map(pointerOf),
  };
}

function keyOf({ generation, digest }: Pointer): string {
  return `${generation} ${digest}`;
}

function pointerOf({ generation, digest }: Pointer): Pointer {
  return { generation, digest };
}
