import { expect, test } from '@jest/globals';
import { DailyBudget, msToNextDay } from './daily-budget.ts';

const noon = new Date('2026-01-01T12:00:00Z');
const tomorrow = new Date('2026-01-02T00:00:00Z');

test('what was spent counts until the UTC day ends', () => {
  const budget = new DailyBudget({ day: '2026-01-01', bytes: 300 });
  budget.spend(100, noon);
  expect(budget.left(1000, noon, 50)).toEqual({ bytes: 550, fresh: false });
  expect(budget.left(1000, tomorrow)).toEqual({ bytes: 1000, fresh: true });
  expect(budget.left(undefined, noon)).toBeUndefined();
  expect(budget.spent).toEqual({ day: '2026-01-01', bytes: 400 });
});

test('a day that was overdrawn leaves nothing, and the next begins anew', () => {
  const budget = new DailyBudget({ day: '2025-12-31', bytes: 9 });
  budget.spend(5000, noon);
  expect(budget.left(1000, noon)).toEqual({ bytes: 0, fresh: false });
  expect(msToNextDay(noon)).toBe(12 * 3_600_000);
});
