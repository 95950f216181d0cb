/**
 * A timeout of at least `leastMs`, at most `stepMs` and a millisecond more, whole milliseconds, that ends soon after a multiple of `stepMs`.
 * isolated-vm wakes a thread at the end of every timeout, of those too that were over long before: those that end together wake it once.
 */
export function gatheredTimeoutMs(
  leastMs: number,
  { stepMs, nowMs }: { readonly stepMs: number; readonly nowMs: number },
): number {
  const step = Math.max(1, stepMs);
  const endMs = Math.ceil((nowMs + leastMs) / step) * step;
  return Math.max(1, Math.ceil(endMs - nowMs));
}
