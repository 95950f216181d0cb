import { expect, test } from '@jest/globals';
import { checkRelayColumns, encodeRelayBatch } from '../../protocol/relay-batch.ts';
import { replaceCertificate } from '../database/certificates.ts';
import { registerDevice } from '../database/devices.ts';
import { openDatabase } from '../database/open.ts';
import type { DeviceIdentity } from '../identity.ts';
import { packBody } from '../relay-body.ts';
import { RelayCommits } from './relay-commits.ts';
import type { ReadBatch } from './up-payload.ts';

const now = () => new Date('2026-01-02T00:00:00Z');
const source: DeviceIdentity = { kind: 'device', tenant: 'default', device: 'a', serial: '01' };

/** The first message of a stream. */
function batchOf(stream: string, jsonBytes = 1000): ReadBatch {
  const entry = { seq: 1, time: 0, gap: undefined, topic: 't', payload: Buffer.from('x') };
  const batch = {
    ...{ epoch: '0123456789abcdef', stream, firstSeq: 1 },
    entries: [{ ...entry, contentType: undefined }],
  };
  const checked = checkRelayColumns(JSON.parse(encodeRelayBatch(batch)));
  if (typeof checked === 'string') throw new Error(checked);
  return { ...checked, payload: packBody(batch), jsonBytes };
}

async function setUp() {
  const db = await openDatabase(':memory:');
  await registerDevice(db, now(), 'a');
  await replaceCertificate(db, now(), { serial: '01', device: 'a', notAfter: now() });
  const state = { read: 0, committed: 0, most: 0, groups: [] as number[] };
  const commits = new RelayCommits({
    ...{ db, now },
    onCommitted: ({ length }) => {
      state.committed += length;
      state.groups.push(length);
    },
  });
  const take = async (stream: string, jsonBytes?: number) => {
    const { committed } = await commits.take(source, () => {
      state.read += 1;
      state.most = Math.max(state.most, state.read - state.committed);
      return Promise.resolve(batchOf(stream, jsonBytes));
    });
    await committed;
  };
  return { state, take, commits, [Symbol.asyncDispose]: () => db.destroy() };
}

test('however many devices come at once, only so many batches are in memory', async () => {
  await using cloud = await setUp();
  await Promise.all(Array.from({ length: 600 }, (_, index) => cloud.take(`s${index}`)));
  expect(cloud.state.committed).toBe(600);
  expect(cloud.state.most).toBeLessThanOrEqual(128 + 64);
});

test('and of batches that take much memory fewer', async () => {
  await using cloud = await setUp();
  await Promise.all(Array.from({ length: 200 }, (_, index) => cloud.take(`s${index}`, 4 * 2 ** 20)));
  expect(cloud.state.committed).toBe(200);
  expect(cloud.state.most).toBeLessThanOrEqual(2 * (16 + 8));
});

test('other work gets its turn between two groups', async () => {
  await using cloud = await setUp();
  let turns = 0;
  let ended = false;
  const turn = () => {
    turns += 1;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  await Promise.all(Array.from({ length: 600 }, (_, index) => cloud.take(`s${index}`)));
  ended = true;
  expect(cloud.state.groups.length).toBeGreaterThan(8);
  expect(turns).toBeGreaterThanOrEqual(cloud.state.groups.length);
});

test('what cannot be read takes no room', async () => {
  await using cloud = await setUp();
  const failing = () => cloud.commits.take(source, () => Promise.reject(new Error('no batch')));
  const results = await Promise.allSettled(Array.from({ length: 500 }, failing));
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  await cloud.take('s');
  expect(cloud.state.committed).toBe(1);
});
