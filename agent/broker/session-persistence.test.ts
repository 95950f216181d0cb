import type { Client } from 'aedes';
import { expect, test } from '@jest/globals';
import { SessionPersistence, type SessionPersistenceOptions } from './session-persistence.ts';

const connection = (): Client => ({ id: 'sensor/one', clean: false, closed: false }) as unknown as Client;

test('of connections that take a session over from each other, it is left by the last that ends, in whatever order they came', () => {
  const session = { connected: true };
  const left: unknown[] = [];
  const book = { get: () => session, leave: (which: unknown) => left.push(which) };
  const persistence = new SessionPersistence({ book } as unknown as SessionPersistenceOptions);
  const [first, second, third] = [connection(), connection(), connection()] as const;
  for (const client of [first, second, third]) persistence.enter(client);
  for (const client of [third, second, second]) {
    (client as { closed: boolean }).closed = true;
    persistence.leave(client);
  }
  expect(left).toEqual([]);
  persistence.leave(first);
  expect(left).toEqual([session]);
});
