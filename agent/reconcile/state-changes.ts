import type { Condition, Desired } from '../../cloud-sync/protocol/messages.ts';
import type { Verdict } from './judge-offer.ts';
import { withCondition } from './progress.ts';
import { trialOf, type AgentState, type Pointer } from './state-schema.ts';

/** The generation to work on: desired and neither reached nor given up. */
export function openTarget({ observed, current, phase }: AgentState): Desired | undefined {
  if (!observed || phase === null || phase === 'failed' || phase === 'rejected' || phase === 'rolledBack')
    return undefined;
  return phase === 'committed' && isSame(current, observed) ? undefined : observed;
}

/** A device that ran before it was enrolled has numbers of its own: only with its digest does a number name a generation. */
export function isSame(one: Pointer | null, other: Pointer): boolean {
  return one?.generation === other.generation && one.digest === other.digest;
}

/** What a pointer from the cloud changes. */
export function changeFor(verdict: Verdict, state: AgentState, desired: Desired): Partial<AgentState> {
  switch (verdict.kind) {
    case 'newer':
      return { observed: desired, phase: 'accepted', conditions: [] };
    case 'again':
      return { observed: desired, phase: 'accepted' };
    case 'released':
      return { observed: verdict.observed };
    case 'refused':
      return { conditions: withCondition(state, verdict.condition) };
    case 'known':
      return {};
    default:
      return verdict satisfies never;
  }
}

/** The switch. */
export function switched(
  state: AgentState,
  { generation, digest }: Desired,
  { data, notes }: { readonly data: Record<string, string>; readonly notes: readonly Condition[] },
): Partial<AgentState> {
  const before = trialOf(state);
  return {
    current: { generation, digest },
    // What never was committed is nothing to go back to, nor is its data.
    previous: before ? state.previous : state.current,
    trial: { generation, data: { ...data, ...before?.data } },
    ...{ undo: null, locked: null, phase: 'applying', conditions: [...notes] },
  };
}

/** What runs could not be started. */
export function bootFailed(state: AgentState, condition: Condition): Partial<AgentState> {
  const { observed, current } = state;
  if (!observed || trialOf(state)) return {};
  if (!isSame(current, observed)) return { conditions: withCondition(state, condition) };
  return { phase: 'accepted', conditions: [condition] };
}

/** What runs is whole again. */
export function repaired({ observed, current, phase, conditions }: AgentState): Partial<AgentState> {
  // It had been committed: nothing else of it fails while it runs.
  if (phase === 'failed' && observed && isSame(current, observed))
    return { phase: 'committed', conditions: [] };
  const isOver = ({ type }: Condition): boolean => ['BootFailed', 'RollbackIncomplete'].includes(type);
  return { conditions: conditions.filter((one) => !isOver(one)) };
}
