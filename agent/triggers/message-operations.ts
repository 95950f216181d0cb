import type { Operation } from '../streams/operations.ts';
import { messageKey } from './message-key.ts';
import type { InvocationEffects } from './ports.ts';
import type { Routes } from './routes.ts';

export type RoutedMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly contentType?: string | undefined;
  readonly origin?: string | undefined;
};

/** A message that went through this many functions starts no other: a loop of functions ends here. */
const maxHops = 8;

/** What a queue without a function keeps, until there is one. */
const orphanCapacity = 1000;

/**
 * A message of a queue. The queue takes double of what its function may have waiting, then dead letters. It counts no hops:
 * a function that sends itself the next page of its work is no loop of functions.
 */
export function queueOperation(
  routes: Routes,
  queue: string,
  {
    message: { body, contentType, delayMs },
    time,
  }: { readonly message: Parameters<InvocationEffects['queueSend']>[1]; readonly time: number },
): Operation {
  const holder = routes.holder(queue);
  const event = {
    ...({
      function: holder,
      kind: 'queue',
      topic: queue,
      payload: body,
      contentType,
      time,
      hops: 0,
    } as const),
    ...(delayMs > 0 && { notBefore: time + delayMs }),
  };
  return { op: 'enqueue', event, capacity: 2 * (routes.capacity(holder) || orphanCapacity) };
}

/** [G1] Everything one message means on disk: rows of streams, events of functions, queues of sessions, the retained message. */
export function messageOperations(
  routes: Routes,
  message: RoutedMessage,
  {
    time,
    hops,
    capacity,
  }: {
    readonly time: number;
    readonly hops: number;
    /** Of a function's queue; an event beyond it becomes a dead letter. */
    readonly capacity: (functionName: string) => number;
  },
): Operation[] {
  const { streams, functions } = routes.of(message.topic);
  const { topic, payload, contentType, origin } = message;
  const operations: Operation[] = streams.map((stream) => ({
    op: 'append',
    stream,
    time,
    message: {
      ...{ topic, payload, contentType, key: keyIn(routes, stream, message) },
      ...(origin !== undefined && { origin }),
      ...(hops > 0 && { hops }),
    },
  }));
  for (const name of isTooDeep(hops) ? [] : functions) {
    const event = { function: name, kind: 'message', topic, payload, contentType, time, hops } as const;
    operations.push({ op: 'enqueue', event, capacity: capacity(name) });
  }
  operations.push(...routes.deliveries(message));
  if (message.retain)
    operations.push({ op: 'retain', message: { topic, payload, contentType, qos: message.qos } });
  return operations;
}

/** Such a message goes into streams and to subscribers, and starts no function any more. */
export function isTooDeep(hops: number): boolean {
  return hops > maxHops;
}

function keyIn(routes: Routes, stream: string, message: RoutedMessage): string | undefined {
  const rule = routes.keyRule(stream);
  return rule === undefined ? undefined : messageKey(rule, message);
}
