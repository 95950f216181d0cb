import { Socket } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { FrameReader } from '../../functions/host/frames.ts';
import { openSandbox } from '../support/function-sandbox.ts';

afterEach(() => void jest.restoreAllMocks());

/** For each write to a host from now on, how many events it carries. */
function eventsByWrite(): () => number[] {
  const write = jest.spyOn(Socket.prototype, 'write');
  return () => {
    const writes = write.mock.calls.map(([bytes]) => [...new FrameReader().push(bytes as Uint8Array)]);
    return writes.map(
      (frames) => frames.filter(({ header }) => (header as { type: string }).type === 'invoke').length,
    );
  };
}

test('events that come together go to their host in one write, and a lone one at once', async () => {
  await using sandbox = await openSandbox();
  await sandbox.deploy('quick', 'invoke: (event) => event', { limits: { concurrency: 8 } });
  await sandbox.invoke('quick', 0);
  const events = eventsByWrite();
  await Promise.all([1, 2, 3, 4, 5].map((event) => sandbox.invoke('quick', event)));
  await sandbox.invoke('quick', 6);
  expect(events()).toEqual([5, 1]);
});
