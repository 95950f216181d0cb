import { expect, test } from '@jest/globals';
import { keptGenerations, withOutcome } from './history.ts';
import { emptyState, stateBounds, type AgentState, type Tried } from './state-schema.ts';

const pointer = (generation: number) => ({
  generation,
  digest: `sha256:${String(generation).padStart(64, '0')}`,
});
const time = '2026-01-10T12:00:00.000Z';
const tried = (generation: number, outcome: Tried['outcome'] = 'committed'): Tried => ({
  ...pointer(generation),
  ...{ time, outcome },
});
const numbers = (pointers: readonly { generation: number }[]): number[] =>
  pointers.map(({ generation }) => generation);

test('a generation is in the history once, as its last attempt ended', () => {
  const state: AgentState = { ...emptyState, history: [tried(1), tried(2, 'failed')] };
  expect(withOutcome(state, pointer(2), { time, outcome: 'committed' })).toEqual([tried(1), tried(2)]);
});

test('the history is bounded: the oldest that is not pinned goes', () => {
  const history = Array.from({ length: stateBounds.historyMax }, (_, index) => tried(index + 1));
  const state: AgentState = { ...emptyState, history, pinned: [1] };
  const after = withOutcome(state, pointer(999), { time, outcome: 'committed' });
  expect(after).toHaveLength(stateBounds.historyMax);
  expect(numbers(after).slice(0, 2)).toEqual([1, 3]);
});

test('the newest committed generations are kept, and whatever is pinned, runs or ran before', () => {
  const state: AgentState = {
    ...emptyState,
    ...{ observed: { ...pointer(9), size: 1 }, current: pointer(8), previous: pointer(6) },
    history: [1, 2, 3, 4, 5].map((one) => tried(one)).concat(tried(6), tried(7, 'rolledBack'), tried(8)),
    pinned: [2],
  };
  const { always, optional } = keptGenerations(state, 3);
  expect(numbers(always)).toEqual([9, 8, 6, 2]);
  expect(numbers(optional)).toEqual([5]);
});

test('what runs is kept beside one of the same number, which ran before the device was enrolled', () => {
  const [runs, before] = [pointer(1), { ...pointer(1), digest: pointer(77).digest }];
  const state: AgentState = {
    ...emptyState,
    ...{ observed: { ...runs, size: 1 }, current: runs, previous: before, history: [tried(1)] },
  };
  expect(keptGenerations(state, 3)).toEqual({ always: [runs, before], optional: [] });
});
