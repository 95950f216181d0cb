import type { EventHeader } from '../shape.ts';
import { account, arnOf, region, wholeSeconds } from './names.ts';

/** As a scheduled rule of EventBridge. The expression is the name of the rule. */
export function scheduledEvent(
  { cron, scheduledTime }: Extract<EventHeader, { kind: 'scheduled' }>,
  id: string,
): object {
  return {
    version: '0',
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    time: wholeSeconds(scheduledTime),
    region,
    resources: [arnOf('events', `rule/${cron}`)],
    detail: {},
  };
}
