import { expect, jest, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { Lane } from '../../agent/triggers/lane.ts';
import { functionSchema } from '../../manifests/function.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/data-plane.ts';

test('an event that is tried again is not held up by a page behind it that cannot be read', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  const event = {
    kind: 'message',
    topic: 'in',
    attempts: 0,
    notBefore: 0,
    payload: Buffer.alloc(0),
    id: 5,
    time: 1,
    hops: 0,
    page: undefined,
    size: 0,
  };
  let reads = 0;
  store.nearEvents = () => {
    reads++;
    return reads === 1
      ? Promise.resolve({ events: [event as never], upTo: 5, more: true, nextDue: undefined })
      : Promise.reject(new Error('The page 6 is damaged'));
  };
  store.commit = () => Promise.resolve([] as never);
  let runs = 0;
  const invoke = () => {
    runs++;
    return Promise.reject(Object.assign(new Error('no'), { code: 'threw', transient: false }));
  };
  jest.useFakeTimers();
  try {
    await using lane = new Lane({
      ...{ name: 'fn', store, runtime: { invoke, problem: () => undefined, denials: () => 0 } },
      ...{ routes: () => [] as never, logger: silentLogger, deliver: () => Promise.resolve() },
      now: () => new Date(),
      random: () => 1,
    });
    const spec = { bundle: 'x@sha256:' + '0'.repeat(64), on: [{ mqtt: 'in' }], retries: 50 };
    lane.configure(functionSchema.parse(spec));
    await jest.advanceTimersByTimeAsync(200_000);
    // By its own back-off, of 30 seconds at most.
    expect(runs).toBeGreaterThanOrEqual(12);
  } finally {
    jest.useRealTimers();
  }
});
