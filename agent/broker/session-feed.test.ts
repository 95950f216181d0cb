import { expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import type { SessionMessage } from '../streams/session-operations.ts';
import type { AedesClient } from './aedes-client.ts';
import { SessionFeed } from './session-feed.ts';

const messageOf = (id: number): SessionMessage => ({
  ...({ id, packet: id, topic: 't', qos: 1, retain: false, released: false } as const),
  payload: new Uint8Array(1),
});

/** A feed over a session as it is on disk, and the packet identifiers that it sent. */
function feedOf(stored: SessionMessage[]) {
  const sent: number[] = [];
  const client = {
    ...{ id: 'a/1', close: () => undefined },
    deliverQoS: ({ messageId }: { messageId: number }) => void sent.push(messageId),
  } as unknown as AedesClient;
  const store = {
    sessionMessages: ({ after, limit }: { after: number; limit: number }) =>
      Promise.resolve(stored.filter(({ id }) => id > after).slice(0, limit)),
  };
  const feed = new SessionFeed({ client, store, sentBefore: 0, logger: silentLogger });
  return { feed, sent };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a message that was read before it was told of is sent once', async () => {
  const stored = [messageOf(1), messageOf(2)];
  const { feed, sent } = feedOf(stored);
  feed.start();
  await settle();
  // The client has the first before the sync of both ended.
  feed.settle(1);
  stored.shift();
  feed.offer([messageOf(1), messageOf(2)]);
  feed.settle(2);
  stored.shift();
  feed.offer([messageOf(3)]);
  await settle();
  expect(sent).toEqual([1, 2, 3]);
});
