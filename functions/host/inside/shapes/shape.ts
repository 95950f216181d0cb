import type { EventHeader as WireHeader } from '../../protocol.ts';
import type { Env } from '../env.ts';
import type { Answer, Invocation, Payload, Safe, Setup, Text } from '../types.ts';

export type EventHeader = WireHeader;
export type EventKind = EventHeader['kind'];

/** What handlers are made with, the same for every invocation. */
export type ShapeTools = {
  readonly safe: Safe;
  readonly text: Text;
  readonly setup: Setup;
  readonly waitUntil: (invocation: Invocation, work: unknown) => void;
  /** Does `work` once no call and no timer of the invocation waits. */
  readonly whenIdle: (invocation: Invocation, work: () => void) => void;
  /** Of the isolate, before the tenant could bend it. */
  readonly now: () => number;
};

/** One event for one invocation. Bytes of the payload are the invocation's own. */
export type Delivery = {
  readonly header: EventHeader;
  readonly payload: Payload;
  readonly invocation: Invocation;
  readonly env: Env;
};

/** A handler has been called: what it returned, maybe a promise, and what becomes of the result. Both may throw. */
export type Started = { readonly value: unknown; readonly answer: (result: unknown) => Answer };

/** How a bundle takes events. */
export type Shape = {
  readonly names: readonly string[];
  /** Undefined when there is no handler for this kind of event. */
  readonly start: (delivery: Delivery) => Started | undefined;
};
