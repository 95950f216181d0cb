import { describe, expect, it } from '@jest/globals';
import type { BlobId } from '../format/blob-id.ts';
import type { Snapshot } from '../format/snapshot-document.ts';
import { chooseKept, type Keep } from './retention.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = Date.parse('2026-11-21T12:00:00Z');

type Made = {
  readonly at: number;
  readonly received?: number | null;
  readonly path?: string;
  readonly offset?: string;
};

let made = 0;

function snapshot({ at, received = at, path = '/data', offset = 'Z' }: Made): Snapshot {
  const shiftMs = offset === 'Z' ? 0 : Number(offset.slice(0, 3)) * hourMs;
  const time = new Date(at + shiftMs).toISOString().replace('Z', offset);
  made += 1;
  const document = {
    ...{ time, tree: '0'.repeat(64) as BlobId, paths: [path], hostname: 'pump', username: 'root' },
    ...{ uid: 0, gid: 0, tags: [], excludes: [] },
  };
  return { id: made.toString(16).padStart(64, '0'), document, receivedMs: received };
}

const hoursAgo = (hours: number) => now - hours * hourMs;
const keptOf = (snapshots: readonly Snapshot[], keep: Keep) =>
  chooseKept(snapshots, keep, now).flatMap(({ kept }) => kept.map((each) => each.snapshot));

describe('chooseKept', () => {
  it('keeps everything when nothing is said', () => {
    const all = [snapshot({ at: hoursAgo(1) }), snapshot({ at: hoursAgo(2) })];
    expect(keptOf(all, {})).toHaveLength(2);
  });

  it('keeps the newest of a group, and counts each group for itself', () => {
    const all = [1, 2, 3].flatMap((hours) =>
      ['/a', '/b'].map((path) => snapshot({ at: hoursAgo(hours), path })),
    );
    expect(keptOf(all, { last: 1 }).map(({ document }) => document.paths[0])).toEqual(['/a', '/b']);
    expect(chooseKept(all, { last: 1 }, now).map(({ removed }) => removed.length)).toEqual([2, 2]);
  });

  it('keeps the first and the last of each of the newest days, and says so', () => {
    const all = [1, 3, 5, 25, 27, 29, 60].map((hours) => snapshot({ at: hoursAgo(hours) }));
    const [group] = chooseKept(all, { daily: 2 }, now);
    expect(group?.kept.map(({ snapshot: { receivedMs } }) => (now - (receivedMs ?? 0)) / hourMs)).toEqual([
      1, 5, 25, 29,
    ]);
    expect(group?.kept.map(({ reasons }) => reasons)).toEqual([
      ['last of day 2026-11-21'],
      ['first of day 2026-11-21'],
      ['last of day 2026-11-20'],
      ['first of day 2026-11-20'],
    ]);
  });

  it('counts `within` from the newest snapshot, however long ago that is', () => {
    const old = [1000, 1001, 1023, 1024, 1025].map((hours) => snapshot({ at: hoursAgo(hours) }));
    expect(keptOf(old, { within: dayMs })).toEqual(old.slice(0, 3));
  });

  it('takes weeks as ISO 8601 has them, over the turn of a year', () => {
    const times = [
      '2025-12-28T12:00:00Z',
      '2025-12-29T12:00:00Z',
      '2026-01-01T12:00:00Z',
      '2026-01-04T12:00:00Z',
    ];
    const all = times.map((time) => snapshot({ at: Date.parse(time) }));
    const [group] = chooseKept(all, { weekly: 2 }, now);
    expect(group?.kept.flatMap(({ reasons }) => reasons)).toEqual([
      'last of week 2026-W01',
      'first of week 2026-W01',
      'last of week 2025-W52',
      'first of week 2025-W52',
    ]);
  });

  it('goes by the day of where a snapshot was taken when the store is silent', () => {
    const evening = Date.parse('2026-11-20T23:30:00Z');
    const all = [
      snapshot({ at: evening, received: null, offset: '+01:00' }),
      snapshot({ at: evening - hourMs, received: null, offset: '+01:00' }),
    ];
    expect(chooseKept(all, { daily: 1 }, now)[0]?.kept.map(({ reasons }) => reasons[0])).toEqual([
      'last of day 2026-11-21',
    ]);
  });

  it('removes nothing that the claimed times would keep when a repository was copied today', () => {
    const all = [1, 25, 49, 73].map((hours) => snapshot({ at: hoursAgo(hours), received: now }));
    expect(keptOf(all, { daily: 3 })).toEqual(expect.arrayContaining(all.slice(0, 3)));
  });

  it('takes a time beyond every calendar for none', () => {
    const wild = snapshot({ at: now });
    const odd = { ...wild, document: { ...wild.document, time: '+275760-09-13T00:00:00+14:00' } };
    expect(keptOf([odd, snapshot({ at: hoursAgo(1) })], { yearly: 3 })).toContain(odd);
  });

  describe('under a flood of a thousand snapshots by a device that was taken over', () => {
    const keep = { within: 2 * dayMs, hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 3 };
    const good = Array.from({ length: 24 * 60 }, (_, hours) =>
      snapshot({ at: hoursAgo(hours + 0.5), received: hoursAgo(hours + 0.5) + 60_000 }),
    );
    const claims: Record<string, (place: number) => number> = {
      'of now': () => now,
      'of the very times of the good ones': (place) => hoursAgo(place + 0.5) + 1,
      'of long ago': (place) => now - place * 31 * dayMs,
      'of the future': (place) => now + place * dayMs,
    };

    it.each(Object.keys(claims))('with claims %s, every good one that was kept stays', (name) => {
      const claim = claims[name] ?? (() => 0);
      const before = keptOf(good, keep);
      const flood = Array.from({ length: 1000 }, (_, place) =>
        snapshot({ at: claim(place), received: now - (place % 20) * 1000 }),
      );
      const after = new Set(keptOf([...good, ...flood], keep));
      const lost = before.filter((each) => !after.has(each));
      expect(lost).toEqual([]);
      expect(before.length).toBeGreaterThan(60);
    });

    it('`last` alone cannot save them', () => {
      const flood = Array.from({ length: 1000 }, () => snapshot({ at: now }));
      expect(keptOf([...good, ...flood], { last: 100 }).filter((each) => good.includes(each))).toEqual([]);
    });
  });
});
