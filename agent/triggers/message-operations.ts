import type { Operation } from '../streams/operations.ts';
import type { Routes } from './routes.ts';

export type RoutedMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly contentType?: string | undefined;
};

/** A message that went through this many functions starts no other: a loop of functions ends here. */
const maxHops = 8;

/** Everything one message means on disk: rows of streams, events of functions, the retained message of its topic. */
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
  const { topic, payload, contentType } = message;
  const operations: Operation[] = streams.map((stream) => ({
    op: 'append',
    stream,
    time,
    message: { topic, payload, contentType },
  }));
  for (const name of hops > maxHops ? [] : functions) {
    const event = { function: name, kind: 'message', topic, payload, contentType, time, hops } as const;
    operations.push({ op: 'enqueue', event, capacity: capacity(name) });
  }
  if (message.retain)
    operations.push({ op: 'retain', message: { topic, payload, contentType, qos: message.qos } });
  return operations;
}
