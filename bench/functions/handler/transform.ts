/** One 1 kB event in, one JSON result out: the same work for every runtime of the bench. */
export type Reading = { readonly at: number; readonly value: number };
export type Event = { readonly device: string; readonly site: string; readonly readings: readonly Reading[] };

export function transform({ device, site, readings }: Event): object {
  let sum = 0;
  let high = -Infinity;
  for (const { value } of readings) {
    sum += value;
    if (value > high) high = value;
  }
  const converted = readings.map(({ at, value }) => ({ at, value: value * 1.8 + 32 }));
  return { device, site, mean: sum / readings.length, high, readings: converted };
}
