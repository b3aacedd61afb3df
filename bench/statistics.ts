/** Order statistics over measured samples; a bench reports medians and ranges, never means alone. */

/** Five numbers that describe a sample. */
export interface Summary {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The `p`-quantile of `samples` by linear interpolation, `p` in [0, 1]; NaN of nothing.
 */
export function quantile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Middle value of `samples`. */
export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Describe `samples`. */
export const summarise = (samples: readonly number[]): Summary => ({
  n: samples.length,
  min: quantile(samples, 0),
  p50: quantile(samples, 0.5),
  p95: quantile(samples, 0.95),
  p99: quantile(samples, 0.99),
  max: quantile(samples, 1),
});

/** Keep `digits` decimals, so that a report reads well. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Change per step of the straight line nearest to `values` (least squares). */
export function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [over, under] = values.reduce(
    ([a, b], value, i) => [a + (i - middle) * (value - mean), b + (i - middle) ** 2],
    [0, 0],
  );
  return over / under;
}
