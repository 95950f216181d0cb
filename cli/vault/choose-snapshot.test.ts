import { expect, test } from '@jest/globals';
import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import { isCodedError } from '../../lib/coded-error.ts';
import { chooseSnapshot } from './choose-snapshot.ts';

function snapshot(id: string, path: string, time: string): Snapshot {
  const document = {
    time,
    tree: 'x',
    paths: [path],
    hostname: 'h',
    username: '',
    uid: 0,
    gid: 0,
    tags: [],
    excludes: [],
  };
  return { id: id.padEnd(64, '0'), document: document as unknown as Snapshot['document'], receivedMs: null };
}

const snapshots = [
  snapshot('abcd1111', '/volumes/data', '2026-01-01T00:00:00Z'),
  snapshot('abcd2222', '/volumes/photos', '2026-01-03T01:00:00+02:00'),
  snapshot('ef003333', '/srv/www', '2026-01-02T00:00:00Z'),
];

function failure(text: string): { code: string; message: string; hint: string | undefined } {
  try {
    chooseSnapshot(snapshots, text);
  } catch (error) {
    if (isCodedError(error)) return { code: error.code, message: error.message, hint: error.hint };
  }
  throw new Error(`${text} was found`);
}

test('the beginning of an id, latest, and the latest of a volume or path are found', () => {
  expect(chooseSnapshot(snapshots, 'EF').id).toMatch(/^ef003333/);
  expect(chooseSnapshot(snapshots, 'abcd2').id).toMatch(/^abcd2222/);
  expect(chooseSnapshot(snapshots, 'latest').id).toMatch(/^abcd2222/);
  expect(chooseSnapshot(snapshots, 'latest:data').id).toMatch(/^abcd1111/);
  expect(chooseSnapshot(snapshots, 'latest:/srv/www').id).toMatch(/^ef003333/);
});

test('a typing error is answered with the nearest id, an unknown volume with the nearest volume', () => {
  expect(failure('abcd1112')).toMatchObject({ code: 'notFound', hint: 'Did you mean abcd1111 of data?' });
  expect(failure('latest:photo')).toMatchObject({ code: 'notFound', hint: 'Did you mean photos?' });
  expect(failure('nonsense').hint).toContain('holdfast snapshot list');
});

test('a beginning that several have is refused with all of them', () => {
  expect(failure('abcd')).toMatchObject({ code: 'usage', message: 'abcd begins 2 snapshots.' });
});

test('with no snapshots at all the answer says how to take one', () => {
  expect(() => chooseSnapshot([], 'latest')).toThrow('There are no snapshots yet.');
});
