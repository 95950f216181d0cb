import { expect, test } from '@jest/globals';
import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import type { Machine } from '../../manifests/index.ts';
import { planForget, type ForgetRequest } from './plan-forget.ts';

const nowMs = Date.parse('2026-05-10T00:00:00Z');

function snapshot(id: string, volume: string, day: number, hostname = 'kiosk-1'): Snapshot {
  const time = `2026-05-0${day}T00:00:00Z`;
  const document = { time, paths: [`/volumes/${volume}`], hostname, username: '', uid: 0, gid: 0, tags: [] };
  return {
    id: id.padEnd(64, '0'),
    document: document as unknown as Snapshot['document'],
    receivedMs: Date.parse(time),
  };
}

const snapshots = [
  snapshot('a1', 'data', 1),
  snapshot('a2', 'data', 2),
  snapshot('b1', 'photos', 1),
  snapshot('b2', 'photos', 2),
  snapshot('c1', 'data', 1, 'elsewhere'),
];

const machine = { volumes: { data: { keep: { last: 1 } }, photos: {} } } as unknown as Machine;

function forgotten(request: Partial<ForgetRequest>): string[] {
  const plan = planForget(snapshots, { options: {}, names: [], own: undefined, nowMs, ...request });
  return plan.forgotten.map(({ id }) => id.slice(0, 2)).sort();
}

test('on a device each volume goes by its own keep; what has none, and what is of others, stays', () => {
  expect(forgotten({ own: { machine, device: 'kiosk-1' } })).toEqual(['a1']);
});

test('rules count within a host and a path', () => {
  expect(forgotten({ options: { keepLast: 1 } })).toEqual(['a1', 'b1']);
  expect(forgotten({ options: { keepLast: 1, of: 'photos' } })).toEqual(['b1']);
  expect(forgotten({ options: { keepLast: 1, host: 'elsewhere' } })).toEqual([]);
});

test('snapshots that are named go, each once, whatever the manifest keeps', () => {
  expect(forgotten({ names: ['a2', 'a20'], own: { machine, device: 'kiosk-1' } })).toEqual(['a2']);
  expect(() => forgotten({ names: ['a2'], options: { keepLast: 1 } })).toThrow('not both');
  expect(() => forgotten({ names: ['dead'] })).toThrow('There is no snapshot dead.');
});

test('one that cannot be read goes by its whole id, and by no rule', () => {
  const damaged = ['dead'.padEnd(64, '0'), 'beef'.padEnd(64, '0')];
  const request = { options: {}, names: [damaged[0]!.toUpperCase(), 'a2'], damaged, own: undefined, nowMs };
  expect(planForget(snapshots, request)).toMatchObject({
    ...{ forgotten: [{ id: snapshots[1]!.id }], givenUp: [damaged[0]] },
  });
  expect(() => forgotten({ names: ['dead'], damaged })).toThrow('There is no snapshot dead.');
  expect(planForget(snapshots, { ...request, names: [], options: { keepLast: 1 } }).givenUp).toEqual([]);
});

test('in another repository nothing goes by itself', () => {
  expect(() => forgotten({})).toThrow('Say what to keep');
});

test('rules of nothing but zeros are no way to lose everything', () => {
  expect(() => forgotten({ options: { keepLast: 0 } })).toThrow('every snapshot would go');
  expect(() => forgotten({ options: { keepDaily: 0, keepWithin: 0, of: 'data' } })).toThrow('keep nothing');
  expect(forgotten({ options: { keepLast: 0, keepDaily: 1, of: 'photos' } })).toEqual(['b1']);
});
