import type { Device } from '../../protocol/api.ts';
import type { Desired } from '../../protocol/messages.ts';
import { desiredFrom } from './generations.ts';
import { readReport } from './reports.ts';
import type { Database } from './schema.ts';

/** Devices with what is desired of them and what they last said, by name. `name` selects one. */
export async function selectFleet(db: Database, name?: string): Promise<Device[]> {
  let query = db
    .selectFrom('devices')
    .leftJoin('presence', 'presence.device', 'devices.name')
    .leftJoin('reported', 'reported.device', 'devices.name')
    .leftJoin('generations', (join) =>
      join.onRef('generations.device', '=', 'devices.name').on('generations.generation', '=', (where) =>
        where
          .selectFrom('generations as newest')
          .select((select) => select.fn.max('newest.generation').as('generation'))
          .whereRef('newest.device', '=', 'devices.name'),
      ),
    )
    .select((select) => [
      'devices.name',
      select
        .exists(
          select
            .selectFrom('certificates')
            .select('certificates.serial')
            .whereRef('certificates.device', '=', 'devices.name')
            .where('certificates.revoked', 'is', null),
        )
        .as('enrolled'),
      'presence.online',
      'presence.session',
      'presence.boot',
      'presence.agent',
      'presence.since',
      'reported.body',
      'reported.received',
      'generations.generation',
      'generations.digest',
      'generations.size',
      'generations.leave',
    ])
    .orderBy('devices.name');
  if (name !== undefined) query = query.where('devices.name', '=', name);
  return (await query.execute()).map(toDevice);
}

type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null };
type FleetRow = { name: string; enrolled: unknown } & Nullable<{
  online: number;
  session: number;
  boot: string;
  agent: string;
  since: string;
  body: string;
  received: string;
}> &
  Nullable<{ generation: number; digest: string; size: number; leave: 'hold' | 'now' }>;

function toDevice(row: FleetRow): Device {
  return {
    name: row.name,
    enrolled: Boolean(row.enrolled),
    online: onlineOf(row),
    desired: desiredIn(row),
    reported:
      row.body === null || row.received === null ? null : { ...readReport(row.body), received: row.received },
  };
}

function onlineOf({ online, session, boot, agent, since }: FleetRow): Device['online'] {
  if (online === null || session === null || boot === null || agent === null || since === null) return null;
  return { online: online === 1, session, boot, agent, since };
}

function desiredIn({ generation, digest, size, leave }: FleetRow): Desired | null {
  if (generation === null || digest === null || size === null) return null;
  return desiredFrom({ generation, digest, size, leave });
}
