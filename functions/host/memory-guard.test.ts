import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { guardMemory } from './memory-guard.ts';

const mib = 2 ** 20;
const startBytes = 50 * mib;
const grantedBytes = 32 * mib;
const boundBytes = startBytes + 2 * grantedBytes + 128 * mib;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Isolates that are busy: the number of a slot stands for its one isolate. */
type Busy = number | { readonly slot: number | undefined };
type Look = { readonly busy: readonly Busy[]; readonly held: number };

/** What the guard says at each of these looks: nothing, nobody, or who it was. */
function verdicts(...looks: readonly Look[]): ('-' | 'nobody' | number)[] {
  let now: Look = { busy: [], held: startBytes };
  let verdict: '-' | 'nobody' | number = '-';
  guardMemory({
    grantedBytes: () => grantedBytes,
    busy: () =>
      new Map(now.busy.map((busy) => (typeof busy === 'number' ? isolateOf(busy) : [busy, busy.slot]))),
    heldBytes: () => now.held,
    onExceeded: (_held, culprit) => (verdict = culprit ?? 'nobody'),
  });
  return looks.map((look) => {
    now = look;
    verdict = '-';
    jest.advanceTimersByTime(100);
    return verdict;
  });
}

const isolates = new Map<number, object>();

function isolateOf(slot: number): [object, number] {
  const isolate = isolates.get(slot) ?? {};
  isolates.set(slot, isolate);
  return [isolate, slot];
}

const under = (...busy: Busy[]): Look => ({ busy, held: boundBytes });
const over = (...busy: Busy[]): Look => ({ busy, held: boundBytes + 1 });

test('a process within its bound goes on', () => {
  expect(verdicts(under(1), under(1), under(1, 2), under(1))).toEqual(['-', '-', '-', '-']);
});

test('the one function that ran at both looks is blamed', () => {
  expect(verdicts(under(1), over(1))).toEqual(['-', 1]);
  expect(verdicts(over(1), over(1))).toEqual(['-', 1]);
});

test('a function that began to run when another had just ended is not blamed at first sight', () => {
  expect(verdicts(under(1), over(2), under(2), under(2))).toEqual(['-', '-', '-', '-']);
  expect(verdicts(under(1, 2), over(2), under(2))).toEqual(['-', '-', '-']);
});

test('what took the memory is an isolate: the next one of the same function is not blamed at first sight', () => {
  const [first, second] = [{ slot: 1 }, { slot: 1 }];
  expect(verdicts(under(first), over(second), under(second))).toEqual(['-', '-', '-']);
  expect(verdicts(over(first), over(first, second), over(second))).toEqual(['-', '-', 'nobody']);
  expect(verdicts(over(first), over(second), over(second))).toEqual(['-', '-', 1]);
});

test('one that was told to stop and has not yet is not blamed: its callers have been answered', () => {
  const stopping = { slot: undefined };
  expect(verdicts(over(stopping), over(stopping), over(stopping))).toEqual(['-', '-', 'nobody']);
});

test('among several that run the process ends at the third look, and nobody is blamed', () => {
  expect(verdicts(over(1, 2), over(1, 2), over(1, 2))).toEqual(['-', '-', 'nobody']);
  expect(verdicts(over(1), over(2), over(1))).toEqual(['-', '-', 'nobody']);
});

test('looks at which nothing runs neither blame nor forget', () => {
  expect(verdicts(over(1), over(), over(2), over(), over(1))).toEqual(['-', '-', '-', '-', 'nobody']);
});

test('a process that came back under its bound has all its looks again', () => {
  const between = [over(1, 2), over(1, 2), under(1, 2)];
  expect(verdicts(...between, ...between)).toEqual(['-', '-', '-', '-', '-', '-']);
});
