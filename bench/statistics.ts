/** The value below which `quantile` of the values lie, by the nearest-rank method. NaN of nothing. */
export function percentile(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Rounded to `digits` places, for people. */
export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
