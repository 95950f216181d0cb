import { expect, test } from '@jest/globals';
import { registerDevice } from '../database/devices.ts';
import { openDatabase } from '../database/open.ts';
import { ShadowStore } from './shadow-store.ts';

const now = () => new Date('2026-01-02T00:00:00Z');
const place = { device: 'a', name: 'lamp' };

test('what goes with a change happens with it, and not with a request that is refused', async () => {
  const db = await openDatabase(':memory:');
  await registerDevice(db, now(), 'a');
  const published: string[] = [];
  const store = new ShadowStore({ db, now, publish: ({ topic }) => void published.push(topic) });
  const done: string[] = [];
  const beside = (what: string) => () => Promise.resolve(void done.push(what));
  const request = { state: { desired: { on: true } } };
  expect(await store.delete(place, {}, beside('deleted'))).toMatchObject({ rejected: { code: 404 } });
  expect(await store.update(place, { ...request, version: 7 }, beside('conflict'))).toMatchObject({
    rejected: { code: 409 },
  });
  expect(published).toEqual([]);
  expect(await store.update(place, request, beside('updated'))).toMatchObject({ accepted: { version: 1 } });
  const refusing = () => Promise.reject(new Error('revoked'));
  await expect(store.update(place, request, refusing)).rejects.toThrow('revoked');
  expect((await store.get(place)).accepted?.version).toBe(1);
  expect(done).toEqual(['updated']);
  await db.destroy();
});
