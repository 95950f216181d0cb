import { ports } from './ports.ts';

const dateNow = Date.now;

/** Milliseconds since the isolate began, in whole ones: a finer clock would serve side channels. Never runs backwards. */
export function coarseNowMs(): number {
  latest.ms = Math.max(latest.ms, dateNow() - ports.timeOriginMs);
  return latest.ms;
}
const latest = { ms: 0 };
