/** Calls `one` over and over, `inFlight` at a time, for `durationMs`; calls a second. */
export async function callsPerSecond(
  one: () => Promise<unknown>,
  { inFlight, durationMs }: { readonly inFlight: number; readonly durationMs: number },
): Promise<number> {
  let count = 0;
  const beganMs = performance.now();
  const endMs = beganMs + durationMs;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < endMs) {
        await one();
        count++;
      }
    }),
  );
  return count / ((performance.now() - beganMs) / 1000);
}

/** Milliseconds of each of `count` calls, one at a time. */
export async function latencies(one: () => Promise<unknown>, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const beganMs = performance.now();
    await one();
    times.push(performance.now() - beganMs);
  }
  return times;
}
