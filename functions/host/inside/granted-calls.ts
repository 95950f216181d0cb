import type { Safe } from './types.ts';

export type GrantedCalls = {
  readonly has: (json: string) => boolean;
  readonly add: (json: string) => void;
};

/** Beyond as many, or for longer ones, the agent is asked again. */
const maxKnown = 256;
const maxChars = 512;

/**
 * Calls that the agent has granted, word for word but for what they carry. Grants belong to a version of a function, and an isolate has
 * one version: what was granted once is granted again. The agent decides every time; this only tells what it will say.
 */
export function makeGrantedCalls(safe: Pick<Safe, 'empty'>): GrantedCalls {
  let known = safe.empty();
  let count = 0;
  return {
    has: (json) => known[json] === true,
    add: (json) => {
      if (json.length > maxChars || known[json] === true) return;
      if (count >= maxKnown) {
        known = safe.empty();
        count = 0;
      }
      known[json] = true;
      count++;
    },
  };
}
