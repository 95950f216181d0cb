import { expect, test } from '@jest/globals';
import { checkRelayColumns, encodeRelayBatch } from '../../protocol/relay-batch.ts';
import { openDatabase } from '../database/open.ts';
import { FleetObserver } from './fleet-observer.ts';

/** A segment in which a device says how much waits for its relay, by stream. */
function snapshotOf(backlogs: Readonly<Record<string, number>>) {
  const time = '2026-01-01T00:00:00Z';
  const points = Object.entries(backlogs).flatMap(([stream, value]) => [
    { attributes: { stream, reader: 'cloud' }, value },
    { attributes: { stream, reader: 'somebody' }, value: 99 },
  ]);
  const metrics = { 'holdfast.stream.backlog': { kind: 'gauge', unit: '{message}', points } };
  const payload = Buffer.from(JSON.stringify({ time, start: time, metrics }));
  const entry = { seq: 1, time: 0, gap: undefined, topic: 'metrics', payload, contentType: undefined };
  const line = { epoch: '0123456789abcdef', stream: 'observability', firstSeq: 1 };
  const checked = checkRelayColumns(JSON.parse(encodeRelayBatch({ ...line, entries: [entry] })));
  if (typeof checked === 'string') throw new Error(checked);
  return { source: { device: 'a' }, columns: checked.columns };
}

test('tells what waits on a device, of streams as a manifest can have them', async () => {
  const db = await openDatabase(':memory:');
  const observer = new FleetObserver(db);
  const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`s${index}`, index]));
  observer.stored([snapshotOf({ ['x'.repeat(64)]: 1, ...many })]);
  const text = await observer.text();
  await db.destroy();
  const lines = text.split('\n').filter((line) => line.startsWith('holdfast_cloud_device_backlog{'));
  expect(lines).toHaveLength(500);
  expect(lines[7]).toBe('holdfast_cloud_device_backlog{device="a",stream="s7"} 7');
  expect(text).not.toContain('xxx');
});
