import type { Client } from 'aedes';
import type { SubscriberLink } from './republisher.ts';

/** What aedes 1.2 counts packet identifiers with; it has no public name for it. */
type WithNextId = { _nextId: number };

/** The connection of an MQTT client, to be written to beside aedes: whole packets, so that they never mix. */
export function subscriberLink(client: Client): SubscriberLink {
  const { conn } = client;
  return {
    name: client.id,
    nextId() {
      const counter = client as unknown as WithNextId;
      const id = counter._nextId;
      counter._nextId = id >= 65_535 ? 1 : id + 1;
      return id;
    },
    write(bytes) {
      if (conn.writable) conn.write(bytes);
      // Not what `write` returned: `dropSlowReader` has changed that.
      return conn.writable && !conn.writableNeedDrain;
    },
    drained: () =>
      new Promise((resolve) => {
        if (conn.destroyed || !conn.writableNeedDrain) {
          resolve();
          return;
        }
        const settle = () => {
          conn.off('drain', settle);
          conn.off('close', settle);
          resolve();
        };
        conn.on('drain', settle);
        conn.on('close', settle);
      }),
    close: () => conn.destroy(),
  };
}
