import { expect, test } from '@jest/globals';
import type { DataPlan } from '../../agent/vault/restore-volumes.ts';
import { formatDataPlan, requireRoom } from './data-plan-text.ts';

type VolumePlan = DataPlan['volumes'][number];

const volume: VolumePlan = {
  ...{ volume: 'data', snapshot: '37dce429'.padEnd(64, '0'), time: '2026-05-01T03:00:00Z' },
  ...{ files: 1200, bytes: 5 * 2 ** 20, neededBytes: 6 * 2 ** 20, freeBytes: 10 * 2 ** 20, resumes: false },
};

const planOf = (...volumes: VolumePlan[]): DataPlan => ({
  repository: 'd85b8a57'.padEnd(64, '0'),
  volumes,
  without: ['photos'],
});

test('the plan shows snapshots, sizes, what is needed and what is free', () => {
  expect(formatDataPlan(planOf(volume), '/srv/device').split('\n')).toEqual([
    'Repository d85b8a57',
    'VOLUME  SNAPSHOT  TAKEN (UTC)          FILES  SIZE',
    'data    37dce429  2026-05-01 03:00:00  1,200  5.0 MiB',
    'No snapshot of photos: it starts empty.',
    'Needs 6.0 MiB in /srv/device, where 10.0 MiB are free.',
  ]);
});

test('volumes that fit one by one but not together are refused before anything is written', () => {
  const second = { ...volume, volume: 'more' };
  expect(() => requireRoom(planOf(volume))).not.toThrow();
  expect(() => requireRoom(planOf(volume, second))).toThrow('need 12.0 MiB, and 10.0 MiB are free');
  expect(() => requireRoom(planOf(volume, { ...second, resumes: true }))).not.toThrow();
});
