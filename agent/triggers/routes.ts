import { topicMatches } from '../../lib/topic-filter.ts';
import type { Machine } from '../../manifests/machine.ts';
import type { Operation } from '../streams/operations.ts';
import type { KeyRule } from './message-key.ts';

/** Who wants a topic. */
export type Route = { readonly streams: readonly string[]; readonly functions: readonly string[] };

/** What a message means for MQTT clients with a session. */
export type SessionsPort = {
  deliveries(message: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly qos: 0 | 1 | 2;
  }): readonly Operation[];
};

const noSessions: SessionsPort = { deliveries: () => [] };

type Subscriber = { readonly name: string; readonly filters: readonly string[] };

/** Topics whose route is remembered; a machine that uses more pays for the matching again. */
const maxRemembered = 10_000;

/** Which streams and functions a topic goes to: each at most once, in the order of the manifest. */
export class Routes {
  readonly #streams: readonly Subscriber[];
  readonly #functions: readonly Subscriber[];
  readonly #capacity: ReadonlyMap<string, number>;
  readonly #consumers: ReadonlyMap<string, string>;
  readonly #keyRules: ReadonlyMap<string, KeyRule>;
  readonly #remembered = new Map<string, Route>();

  readonly #sessions: SessionsPort;

  constructor(
    { streams, functions }: Pick<Machine, 'streams' | 'functions'>,
    sessions: SessionsPort = noSessions,
  ) {
    this.#sessions = sessions;
    this.#streams = Object.entries(streams).map(([name, { topics }]) => ({ name, filters: topics }));
    this.#functions = Object.entries(functions).map(([name, { on }]) => ({
      name,
      filters: on.flatMap((trigger) => ('mqtt' in trigger ? [trigger.mqtt] : [])),
    }));
    this.#consumers = new Map(
      Object.entries(functions).flatMap(([name, { on }]) =>
        on.flatMap((trigger) => ('queue' in trigger ? [[trigger.queue, name] as const] : [])),
      ),
    );
    this.#keyRules = new Map(
      Object.entries(streams).flatMap(([name, { compact }]) =>
        compact ? [[name, compact.key] as const] : [],
      ),
    );
    this.#capacity = new Map(Object.entries(functions).map(([name, { limits }]) => [name, limits.queue]));
  }

  of(topic: string): Route {
    const known = this.#remembered.get(topic);
    if (known) return known;
    const route = { streams: wanting(this.#streams, topic), functions: wanting(this.#functions, topic) };
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(topic, route);
    return route;
  }

  /** By what a compacted stream tells its messages apart; undefined for the others. */
  keyRule(stream: string): KeyRule | undefined {
    return this.#keyRules.get(stream);
  }

  /** Copies for the sessions that subscribed to its topic. */
  deliveries(message: Parameters<SessionsPort['deliveries']>[0]): readonly Operation[] {
    return this.#sessions.deliveries(message);
  }

  /** Who has the messages of a queue: the function that takes them, or `queue:NAME`, which keeps them for one that will. */
  holder(queue: string): string {
    return this.#consumers.get(queue) ?? `queue:${queue}`;
  }

  /** Events a function may have in its queue: `limits.queue`. */
  capacity(functionName: string): number {
    return this.#capacity.get(functionName) ?? 0;
  }
}

function wanting(subscribers: readonly Subscriber[], topic: string): string[] {
  return subscribers
    .filter(({ filters }) => filters.some((filter) => topicMatches(filter, topic)))
    .map(({ name }) => name);
}
