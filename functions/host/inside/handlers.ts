import type { Safe, Text } from './types.ts';

export type Handlers = {
  /** What the bundle offers: message, scheduled, invoke; or handler. */
  readonly names: string[];
  /** Undefined when there is no handler for this kind of event. */
  readonly call: (
    kind: string,
    event: unknown,
    env: unknown,
    context: unknown,
  ) => { readonly value: unknown } | undefined;
};

/** Finds the handlers in the module's exports. Lambda: `handler`, also on a default export (CommonJS sources). */
export function findHandlers(safe: Safe, exports: Record<string, unknown>): Handlers {
  const main = (typeof exports.default === 'object' ? exports.default : undefined) as
    Record<string, unknown> | null | undefined;
  const lambda = exports.handler ?? main?.handler;
  const kinds = ['message', 'scheduled', 'invoke'];
  const names = kinds.filter((kind) => typeof main?.[kind] === 'function');

  const lambdaCall = (event: unknown, context: unknown) => {
    const answer = Promise.withResolvers<unknown>();
    const callback = (error: unknown, result: unknown) => {
      if (error === null || error === undefined) answer.resolve(result);
      else answer.reject(error);
    };
    const returned = safe.apply(lambda, undefined, [event, context, callback]);
    // A handler with a third parameter answers by the callback unless it returns a promise, as in Lambda.
    const then = (returned as { then?: unknown } | null | undefined)?.then;
    if ((lambda as () => unknown).length < 3 || typeof then === 'function') answer.resolve(returned);
    return answer.promise;
  };
  if (names.length > 0) {
    return {
      names,
      call: (kind, event, env, context) => {
        const handler = main?.[kind];
        return typeof handler === 'function'
          ? { value: safe.apply(handler, main, [event, env, context]) }
          : undefined;
      },
    };
  }
  if (typeof lambda !== 'function') return { names, call: () => undefined };
  return {
    names: ['handler'],
    call: (_kind, event, _env, context) => ({ value: lambdaCall(event, context) }),
  };
}

export type EventHeader = {
  readonly kind: string;
  readonly topic?: string;
  readonly contentType?: string;
  readonly time?: string;
  readonly cron?: string;
  readonly scheduledTime?: string;
};

/** The event as the author sees it. */
export function makeEvent(safe: Safe, text: Text, header: EventHeader, payload: Uint8Array): unknown {
  if (header.kind === 'invoke') return payload.length === 0 ? undefined : safe.parse(text.decode(payload));
  if (header.kind === 'scheduled') {
    return { type: 'scheduled', cron: header.cron, scheduledTime: Date.parse(header.scheduledTime ?? '') };
  }
  return {
    type: 'message',
    topic: header.topic,
    payload,
    ...(header.contentType === undefined ? {} : { contentType: header.contentType }),
    time: header.time,
    text: () => text.decode(payload),
    json: () => safe.parse(text.decode(payload)),
  };
}
