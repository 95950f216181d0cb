import { expect, test } from '@jest/globals';
import { judge } from './retry-policy.ts';

const failure = (fields: object): Error => Object.assign(new Error('no'), fields);
/** The longest delay the jitter can give. */
const random = (): number => 1;
const verdict = (error: unknown, { failures = 1, innocentFailures = 1, retries = 4 } = {}) =>
  judge(error, { failures, innocentFailures, retries, random });

test('what a function throws is tried again with growing delays, as often as the manifest says', () => {
  const verdicts = [1, 2, 3, 4, 5].map((failures) => verdict(failure({ code: 'threw' }), { failures }));
  expect(verdicts.map(({ kind }) => kind)).toEqual(['retry', 'retry', 'retry', 'retry', 'bury']);
  expect(verdicts.map((one) => ('delayMs' in one ? one.delayMs : 0))).toEqual([200, 400, 800, 1600, 0]);
  expect(verdict(failure({ code: 'threw' }), { retries: 0 }).kind).toBe('bury');
  expect(verdict(failure({ code: 'threw' }), { failures: 100, retries: 100 }).kind).toBe('retry');
});

test('a lost host or a full disk counts against nobody', () => {
  for (const failures of [1, 50])
    expect(verdict(failure({ code: 'hostLost', transient: true }), { failures })).toMatchObject({
      kind: 'again',
      stuck: false,
    });
});

test('delays have an upper bound', () => {
  expect(verdict(failure({ transient: true }), { innocentFailures: 60 })).toMatchObject({ delayMs: 10_000 });
  expect(verdict(failure({ code: 'crashLoop' }), { innocentFailures: 60 })).toMatchObject({
    delayMs: 60_000,
  });
});

test('a function that cannot run at all keeps its events', () => {
  for (const code of ['crashLoop', 'corrupt'])
    expect(verdict(failure({ code }), { failures: 99 })).toMatchObject({ kind: 'again', stuck: true });
});

test('an event that no repetition can help is buried at once', () => {
  expect(verdict(failure({ code: 'noHandler' }))).toEqual({
    kind: 'bury',
    error: { code: 'noHandler', message: 'no' },
  });
});

test('an event whose author wants no other attempt is buried at once', () => {
  expect(verdict(failure({ code: 'threw', noRetry: true })).kind).toBe('bury');
  expect(verdict(failure({ code: 'hostLost', transient: true, noRetry: true })).kind).toBe('again');
});

test('a stop leaves the event as it was', () => {
  expect(verdict(failure({ name: 'AbortError' }))).toEqual({ kind: 'leave' });
  expect(verdict(failure({ code: 'cancelled' }))).toEqual({ kind: 'leave' });
});

test('an endless message is cut in the dead letter', () => {
  const buried = verdict(new Error('x'.repeat(1e6)), { failures: 5 });
  expect(buried.kind === 'bury' && buried.error.message.length).toBe(2048);
});
