import { expect, test } from '@jest/globals';
import type { FunctionSpec } from '../../manifests/function.ts';
import type { Pause, Spending } from '../streams/trigger-operations.ts';
import { Allowance } from './allowance.ts';

const noon = Date.parse('2026-01-31T12:00:00Z');
const midnight = Date.parse('2026-02-01T00:00:00Z');

type Budget = NonNullable<FunctionSpec['budget']>;

function allowanceWith(budget: Partial<Budget> | undefined, spent: Partial<Spending> = {}, pause?: Pause) {
  const none = { invocations: 0, egressBytes: 0, cpuMs: 0, dropped: 0, lifted: false };
  const spending = { day: '2026-01-31', ...none, ...spent };
  const counts = { pause: () => pause, spending: () => spending };
  const allowance = new Allowance({ name: 'f', counts });
  allowance.configure(budget && { onExceeded: 'pause', ...budget });
  return allowance;
}

test('a function without a budget runs on and is not counted', () => {
  const allowance = allowanceWith(undefined, { invocations: 1e9 });
  expect(allowance.hold(noon, 5)).toBeUndefined();
  expect(allowance.bill(noon, { cpuMs: 5, egressBytes: 5 })).toEqual([]);
  expect(allowance.budgetStatus(noon)).toBeUndefined();
});

test.each([
  ['invocations', { invocations: 10 }, { invocations: 10 }],
  ['egress', { egress: 1000 }, { egressBytes: 1001 }],
  ['processor time', { cpu: 60_000 }, { cpuMs: 60_000.5 }],
])('a budget of %s that is used up holds it until midnight UTC', (_, budget, spent) => {
  expect(allowanceWith(budget, spent).hold(noon, 0)).toMatchObject({ kind: 'paused', untilMs: midnight });
  expect(allowanceWith({ ...budget, onExceeded: 'drop' }, spent).hold(noon, 0)).toMatchObject({
    kind: 'drop',
  });
  expect(allowanceWith(budget, spent).hold(midnight, 0)).toBeUndefined();
  expect(allowanceWith(budget, { ...spent, lifted: true }).hold(noon, 0)).toBeUndefined();
});

test('what runs at present counts: the last invocation of a budget is not overtaken', () => {
  const allowance = allowanceWith({ invocations: 10 }, { invocations: 8 });
  expect(allowance.hold(noon, 1)).toBeUndefined();
  expect(allowance.hold(noon, 2)).toEqual({ kind: 'wait' });
});

test('a pause by hand comes before every budget and lasts', () => {
  const pause = { since: 1, reason: 'repairs' };
  const allowance = allowanceWith({ invocations: 1 }, { invocations: 5, lifted: true }, pause);
  expect(allowance.hold(noon, 0)).toEqual({ kind: 'paused', reason: 'repairs', untilMs: undefined });
});

test('a clock at another day, earlier or later, begins a new budget', () => {
  const allowance = allowanceWith({ invocations: 1 }, { invocations: 5 });
  expect(allowance.hold(0, 0)).toBeUndefined();
  expect(allowance.budgetStatus(0)).toMatchObject({
    day: '1970-01-01',
    invocations: 0,
    resetsMs: 86_400_000,
  });
});

test('a bill that could not be committed goes with the next one', () => {
  const allowance = allowanceWith({ invocations: 100 });
  allowance.owe(allowance.bill(noon, { cpuMs: 2, egressBytes: 7 }));
  allowance.owe(allowance.bill(noon, { cpuMs: 1, egressBytes: 0 }));
  expect(allowance.bill(noon, { cpuMs: 4, egressBytes: 1 })).toEqual([
    { op: 'spend', function: 'f', day: '2026-01-31', invocations: 3, cpuMs: 7, egressBytes: 8, dropped: 0 },
  ]);
  expect(allowance.bill(noon, { cpuMs: 4, egressBytes: 1 })).toMatchObject([{ invocations: 1 }]);
});

test('what is owed is billed once, by itself or with the next invocation', () => {
  const allowance = allowanceWith({ invocations: 10 });
  const bill = allowance.bill(noon, { cpuMs: 5, egressBytes: 7 });
  allowance.owe(bill);
  expect(allowance.debt(noon)).toEqual(bill);
  expect(allowance.debt(noon)).toEqual([]);
  allowance.owe(bill);
  expect(allowance.bill(noon, { cpuMs: 1, egressBytes: 1 })).toMatchObject([
    { op: 'spend', invocations: 2, cpuMs: 6, egressBytes: 8 },
  ]);
});
