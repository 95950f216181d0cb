import { deviceTopics } from '../../protocol/topics.ts';
import { tenant } from '../database/devices.ts';
import { selectFleet } from '../database/fleet.ts';
import type { Database } from '../database/schema.ts';
import type { OutgoingMessage } from './ingest.ts';

/** Gives the broker its retained messages from the database: all after a start, or those of the device `name`. */
export async function restoreRetained(
  db: Database,
  publish: (message: OutgoingMessage) => void,
  name?: string,
): Promise<void> {
  for (const { name: device, desired, online, reported } of await selectFleet(db, name)) {
    const topics = deviceTopics({ tenant, device });
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
