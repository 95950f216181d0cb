import { deviceTopics } from '../../protocol/topics.ts';
import { tenant } from '../database/devices.ts';
import { selectFleet } from '../database/fleet.ts';
import type { Database } from '../database/schema.ts';
import type { OutgoingMessage } from './ingest.ts';

/** After a start the broker is empty: gives it the retained messages again, from the database. */
export async function restoreRetained(
  db: Database,
  publish: (message: OutgoingMessage) => void,
): Promise<void> {
  for (const { name, desired, online, reported } of await selectFleet(db)) {
    const topics = deviceTopics({ tenant, device: name });
    const retain = (topic: string, body: object) =>
      publish({ topic, payload: JSON.stringify(body), retain: true });
    if (desired) retain(topics.desired, desired);
    if (online) {
      const { since: _since, ...said } = online;
      retain(topics.online, said);
    }
    if (reported) {
      const { received: _received, ...said } = reported;
      retain(topics.reported, said);
    }
  }
}
