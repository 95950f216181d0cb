import { expect, test } from '@jest/globals';
import type { EventKind } from '../streams/operations.ts';
import { fateOfFailure, fateOfResult, operationsOf } from './fate.ts';
import type { Slot } from './window.ts';

const slotOf = (attempts = 0, kind: EventKind = 'queue'): Slot => ({
  event: {
    ...{ id: 7, function: 'f', kind, topic: 'q', payload: new Uint8Array(), time: 0, hops: 0 },
    ...{ attempts: 0, notBefore: 0 },
  },
  ...{ attempts, innocentFailures: 0, notBefore: 0, since: 0 },
});
const options = { nowMs: 1000, retries: 2, random: () => 1 };
const retry = (delayMs?: number) => ({ queue: { retry: [{ id: '7', delayMs }] } });

test('a message that the handler asked for again comes after the delay it named, else after a back-off', () => {
  expect(fateOfResult(slotOf(), retry(5000), options)).toEqual({
    kind: 'retried',
    attempts: 1,
    notBefore: 6000,
  });
  expect(fateOfResult(slotOf(1), retry(), options)).toEqual({
    kind: 'retried',
    attempts: 2,
    notBefore: 1400,
  });
});

test('a message that was asked for too often is buried', () => {
  const fate = fateOfResult(slotOf(2), retry(), options);
  expect(fate).toMatchObject({ kind: 'buried', attempts: 3, error: { code: 'retriesUsed' } });
  expect(operationsOf(slotOf(2), fate, 1000)).toMatchObject([{ op: 'bury', id: 7, attempts: 3, time: 1000 }]);
});

test('every other message is done, and so is an event of another kind', () => {
  expect(fateOfResult(slotOf(), { queue: { retry: [{ id: '8' }] } }, options)).toEqual({ kind: 'finished' });
  expect(fateOfResult(slotOf(), {}, options)).toEqual({ kind: 'finished' });
  expect(fateOfResult(slotOf(0, 'message'), retry(), options)).toEqual({ kind: 'finished' });
});

test('a failure that is nobody of theirs changes nothing on disk', () => {
  const fate = fateOfFailure(slotOf(), Object.assign(new Error('no'), { transient: true }), options);
  expect(fate).toMatchObject({ kind: 'repeated', stuck: false });
  expect(operationsOf(slotOf(), fate, 1000)).toEqual([]);
});
