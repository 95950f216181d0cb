import { describe, expect, test } from '@jest/globals';
import type { Device } from '../cloud-sync/protocol/api.ts';
import { isDone } from './follow-deploy.ts';

type Reported = NonNullable<Device['reported']>;

const target = { device: 'greenhouse-7', generation: 3 };

function device(reported: Partial<Reported> | null): Device {
  const base: Reported = {
    seq: 1,
    observed: 3,
    applied: 3,
    digest: null,
    phase: 'committed',
    conditions: [],
    components: {},
    received: '2026-01-01T00:00:00Z',
  };
  return {
    name: 'greenhouse-7',
    enrolled: true,
    online: null,
    desired: null,
    reported: reported && { ...base, ...reported },
  };
}

const condition = (type: string, message: string) => ({ type, status: true, reason: type, message });

describe('following a deploy', () => {
  test('ends when the device committed that generation', () => {
    expect(isDone(device({}), target)).toBe(true);
  });

  test.each([
    ['nothing is reported', null],
    ['an older generation is observed', { observed: 2, applied: 2 }],
    ['it is being fetched', { applied: 2, phase: 'fetching' }],
    [
      'it waits for a registry',
      { applied: 2, phase: 'fetching', conditions: [condition('Waiting', 'away')] },
    ],
  ] as const)('goes on while %s', (_name, reported) => {
    expect(isDone(device(reported as Partial<Reported> | null), target)).toBe(false);
  });

  test.each(['failed', 'rejected', 'rolledBack'] as const)(
    'fails with the device’s own words when it %s',
    (phase) => {
      const reported = { applied: 2, phase, conditions: [condition('Failed', 'the bundle has no handler')] };
      expect(() => isDone(device(reported), target)).toThrow(
        expect.objectContaining({
          code: 'deployFailed',
          message: expect.stringContaining('the bundle has no handler') as unknown,
          hint: 'The device still runs generation 2.',
        }),
      );
    },
  );

  test.each([
    ['fetching', false],
    ['staged', true],
    ['verifying', true],
    ['committed', true],
  ] as const)('to the disk only, is at %s: done is %s', (phase, done) => {
    const reported = { phase, applied: phase === 'committed' ? 3 : 2 };
    expect(isDone(device(reported), { ...target, until: 'staged' })).toBe(done);
  });

  test('a report from before counts when it says that it is on disk, and not when it tells of a failure', () => {
    const stale = { ...target, staleSeq: 1, until: 'staged' } as const;
    expect(isDone(device({ phase: 'staged', applied: 2 }), stale)).toBe(true);
    expect(isDone(device({ phase: 'rolledBack', applied: 2 }), stale)).toBe(false);
  });

  test('says when a newer generation overtook it', () => {
    expect(() => isDone(device({ observed: 4, applied: 4 }), target)).toThrow(
      expect.objectContaining({ code: 'superseded' }),
    );
  });
});
