import { matchesGlob } from 'node:path';
import { topicMatches } from '../../../lib/topic-filter.ts';
import type { Trigger } from '../../../manifests/function.ts';
import { FunctionError } from '../../function-error.ts';
import type { InvocationEvent } from '../../runtime/ports.ts';

/** Throws FunctionError `noHandler` for an event that no trigger takes: a device would never give it to the function. */
export function refuseUntaken(name: string, triggers: readonly Trigger[], event: InvocationEvent): void {
  if (event.kind === 'invoke' || triggers.some((trigger) => takes(trigger, event))) return;
  const written = triggers.map(writtenAs);
  throw new FunctionError(
    'noHandler',
    `No trigger of function ${name} takes ${titleOf(event)}; it has ${written.join(', ') || 'none'}`,
    { hint: 'Add the trigger under `on`, or correct the event.' },
  );
}

function takes(trigger: Trigger, event: Exclude<InvocationEvent, { kind: 'invoke' }>): boolean {
  switch (event.kind) {
    case 'message':
      // Which topics a stream has is said elsewhere in the manifest.
      return 'stream' in trigger || ('mqtt' in trigger && topicMatches(trigger.mqtt, event.topic));
    case 'scheduled':
      return 'cron' in trigger && trigger.cron === event.cron;
    case 'queue':
      return 'queue' in trigger && trigger.queue === event.queue;
    case 'file':
      return 'volume' in trigger && trigger.volume === event.volume && matchesGlob(event.path, trigger.path);
    case 'fetch':
      return 'http' in trigger && routeTakes(trigger.http, new URL(event.url).pathname);
    default:
      return event satisfies never;
  }
}

/** `/shop/*` takes `/shop` and everything below it. */
function routeTakes(route: string, path: string): boolean {
  if (!route.endsWith('/*')) return path === new URL(route, 'http://localhost').pathname;
  const base = new URL(route.slice(0, -1), 'http://localhost').pathname;
  return `${path}/`.startsWith(base);
}

function titleOf(event: Exclude<InvocationEvent, { kind: 'invoke' }>): string {
  switch (event.kind) {
    case 'message':
      return `a message on ${event.topic}`;
    case 'scheduled':
      return `a run of the schedule ${event.cron}`;
    case 'queue':
      return `messages of the queue ${event.queue}`;
    case 'file':
      return `${event.path} of the volume ${event.volume}`;
    case 'fetch':
      return `a request to ${new URL(event.url).pathname}`;
    default:
      return event satisfies never;
  }
}

function writtenAs(trigger: Trigger): string {
  if ('mqtt' in trigger) return `mqtt: ${trigger.mqtt}`;
  if ('cron' in trigger) return `cron: ${trigger.cron}`;
  if ('queue' in trigger) return `queue: ${trigger.queue}`;
  if ('http' in trigger) return `http: ${trigger.http}`;
  if ('stream' in trigger) return `stream: ${trigger.stream}`;
  return `volume: ${trigger.volume}, path: ${trigger.path}`;
}
