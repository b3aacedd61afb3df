/** The operations of a transformer on plain rows of float64 numbers. */

import type { Linear } from "./weights.ts";

export type Row = readonly number[];

const sum = (row: Row): number => row.reduce((total, x) => total + x, 0);

export const dot = (a: Row, b: Row): number => sum(a.map((x, i) => x * (b[i] ?? 0)));

export const add = (a: Row, b: Row): number[] => a.map((x, i) => x + (b[i] ?? 0));

export const multiply = (a: Row, b: Row): number[] => a.map((x, i) => x * (b[i] ?? 0));

export function linear(row: Row, { weight, bias }: Linear): number[] {
  return Array.from(
    bias,
    (offset, out) => offset + sum(row.map((x, i) => x * (weight[out * row.length + i] ?? 0))),
  );
}

export const silu = (row: Row): number[] => row.map((x) => x / (1 + Math.exp(-x)));

export const geluTanh = (row: Row): number[] =>
  row.map((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))));

export function layerNorm(row: Row): number[] {
  const mean = sum(row) / row.length;
  const variance = sum(row.map((x) => (x - mean) ** 2)) / row.length;
  return row.map((x) => (x - mean) / Math.sqrt(variance + 1e-5));
}

export function rmsNorm(row: Row, gain: Float32Array): number[] {
  const scale = 1 / Math.sqrt(sum(row.map((x) => x * x)) / row.length + 1e-6);
  return row.map((x, i) => x * scale * (gain[i] ?? 1));
}

export function softmax(row: Row): number[] {
  const most = Math.max(...row);
  const weights = row.map((x) => Math.exp(x - most));
  const total = sum(weights);
  return weights.map((x) => x / total);
}

/** Turn the leading dims: (a, b) becomes (a·cos − b·sin, b·cos + a·sin). */
export function rotate(row: Row, cos: Row, sin: Row): number[] {
  const half = cos.length;
  return row.map((x, i) => {
    if (i < half) return x * (cos[i] ?? 1) - (row[i + half] ?? 0) * (sin[i] ?? 0);
    if (i >= 2 * half) return x;
    return x * (cos[i - half] ?? 1) + (row[i - half] ?? 0) * (sin[i - half] ?? 0);
  });
}

/** Cut an array into rows of `length`. */
export const rowsOf = (array: ArrayLike<number>, length: number): number[][] =>
  Array.from({ length: array.length / length }, (_, i) =>
    Array.from({ length }, (_, j) => array[i * length + j] ?? 0),
  );
