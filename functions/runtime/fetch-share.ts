import { Gate } from './gate.ts';
import type { OutsideEffects } from './ports.ts';

/** Requests that one function has under way at a time: a part of the connections that all functions share. */
export const fetchesAtATime = 32;

/** How many wait is bounded by what each invocation may ask for. */
export function fetchGate(): Gate {
  return new Gate({ concurrency: fetchesAtATime, queue: Infinity });
}

/** `outside` for the function `name`, whose requests wait at `gate` for each other and leave the line when their invocation ends. */
export function shareOf(outside: OutsideEffects, name: string, gate: Gate): OutsideEffects {
  return {
    secret: (secret) => outside.secret(secret),
    invoke: (callee, event, options) => outside.invoke(callee, event, options),
    fetch: async (request, options) => {
      const leave = await gate.enter(name, options.signal);
      try {
        return await outside.fetch(request, options);
      } finally {
        leave();
      }
    },
  };
}
