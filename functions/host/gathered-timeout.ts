import { limits } from './protocol.ts';

/** Meanwhile this thread answers nothing: what ends only then is to be told before the agent's patience with this process is over. */
const mostMs = limits.watchdogGraceMs - 25;

/**
 * A timeout of at least `leastMs`, at most `stepMs` and a millisecond more, whole milliseconds, that ends soon after a multiple of `stepMs`;
 * of a shorter step where it would end beyond the agent's patience. isolated-vm wakes a thread at the end of every timeout, of those too
 * that were over long before: those that end together wake it once.
 */
export function gatheredTimeoutMs(
  leastMs: number,
  { stepMs, nowMs }: { readonly stepMs: number; readonly nowMs: number },
): number {
  const step = Math.max(1, Math.min(stepMs, mostMs - leastMs - 1));
  const endMs = Math.ceil((nowMs + leastMs) / step) * step;
  return Math.max(1, Math.ceil(endMs - nowMs));
}
