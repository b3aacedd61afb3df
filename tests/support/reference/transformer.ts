/**
 * tiny-entangled's denoiser in plain TypeScript, written from tests/fixtures/README.md: slow, in float64, and
 * without ONNX. It is what the graph and the cache are checked against.
 */

import type { BoundGraph, Buffers, Graph } from "../../../src/models/graph.ts";
import {
  add,
  dot,
  geluTanh,
  layerNorm,
  linear,
  multiply,
  type Row,
  rmsNorm,
  rotate,
  rowsOf,
  silu,
  softmax,
} from "./arithmetic.ts";
import { Weights } from "./weights.ts";

const WIDTH = 16;
const HEADS = 2;
const HEAD_DIM = 8;
const LAYERS = 2;
const CHANNELS = 4;
const SIDE = 4;
const PATCH = 2;
const TOKENS = 4;
const HALF = 2;

/** What one pass is given, by the graph's input names. */
type Given = Readonly<Record<string, Float32Array>>;

/** One token's share of a layer: per head its query, key and value. */
interface Token {
  readonly query: readonly Row[];
  readonly key: readonly Row[];
  readonly value: readonly Row[];
}

/** Shift, scale, gate, MLP shift, MLP scale, MLP gate. */
type Modulation = readonly Row[];

const W = new Weights();

/** The denoiser as a graph, so that the sampler can run on it. */
export const referenceDenoiser: Graph = {
  bind: (inputs: Buffers, outputs: Buffers): BoundGraph => ({
    run: () => {
      const answers = forward(inputs as Given);
      for (const [name, floats] of Object.entries(answers)) {
        (outputs[name] as Float32Array).set(floats);
      }
      return Promise.resolve();
    },
  }),
};

/** One pass: prediction [F, C, H, W], key and value [layers, heads, F·4, 8]. */
export function forward(given: Given): Record<"prediction" | "key" | "value", number[]> {
  const frames = input(given, "sigma").length;
  const conditioning = Array.from({ length: frames }, (_, frame) => conditioningOf(given, frame));
  let tokens = conditioning.flatMap((_, frame) => tokensOf(given, frame));
  const fresh: Token[][] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const modulations = conditioning.map((c) => modulationOf(c, layer));
    const made = runLayer(given, layer, tokens, modulations);
    tokens = made.tokens;
    fresh.push(made.fresh);
  }
  const finals = conditioning.map((c) =>
    rowsOf(linear(silu(c), W.linear("transformer.final")), WIDTH),
  );
  const patches = tokens.map((x, i) => {
    const [shift = [], scale = []] = finals[frameOf(i)] ?? [];
    return linear(modulate(x, shift, scale), W.linear("head"));
  });
  return {
    prediction: layOut(patches),
    key: fresh.flatMap((layer) => byHead(layer, "key")),
    value: fresh.flatMap((layer) => byHead(layer, "value")),
  };
}

const input = (given: Given, name: string): Float32Array => given[name] ?? new Float32Array();

const frameOf = (token: number): number => Math.floor(token / TOKENS);

const modulate = (x: Row, shift: Row, scale: Row): number[] =>
  add(
    multiply(
      layerNorm(x),
      scale.map((s) => 1 + s),
    ),
    shift,
  );

function conditioningOf(given: Given, frame: number): number[] {
  const control = controlOf(given, frame);
  const sigma = input(given, "sigma")[frame] ?? 0;
  // Angles of some hundred radians: the weights were made for their float32 rounding.
  const angles = Array.from({ length: 32 }, (_, i) =>
    Math.fround(sigma * Math.fround(Math.exp(Math.fround((6 * i) / 31)))),
  );
  const code = [...angles.map(Math.cos), ...angles.map(Math.sin)];
  const through = (row: Row, name: string): number[] =>
    linear(silu(linear(row, W.linear(`${name}.0`))), W.linear(`${name}.2`));
  return add(through(control, "tokens.conditioning"), through(code, "tokens.sigma.network"));
}

function controlOf(given: Given, frame: number): number[] {
  const frames = input(given, "sigma").length;
  const control = input(given, "control");
  return rowsOf(control, control.length / frames)[frame] ?? [];
}

/** The tokens of one frame: its patch with the previous latents behind the sample's channels. */
function tokensOf(given: Given, frame: number): number[][] {
  const cell = CHANNELS * SIDE * SIDE;
  const sample = input(given, "sample").subarray(frame * cell, (frame + 1) * cell);
  const planes = [...sample, ...input(given, "previous")];
  const control = linear(controlOf(given, frame), W.linear("tokens.control"));
  const places = rowsOf(W.tensor("tokens.place"), WIDTH);
  return places.map((place, token) =>
    add(add(linear(patchOf(planes, token), W.linear("tokens.project")), place), control),
  );
}

/** Values of one patch, ordered (channel, row, column). */
function patchOf(planes: Row, token: number): number[] {
  const across = SIDE / PATCH;
  const top = Math.floor(token / across) * PATCH;
  const left = (token % across) * PATCH;
  return Array.from({ length: planes.length / (SIDE * SIDE) }, (_, channel) =>
    [0, 1].flatMap((row) =>
      [0, 1].map((column) => planes[(channel * SIDE + top + row) * SIDE + left + column] ?? 0),
    ),
  ).flat();
}

const modulationOf = (conditioning: Row, layer: number): Modulation =>
  rowsOf(
    add(
      linear(silu(conditioning), W.linear("transformer.modulation")),
      rowsOf(W.tensor("transformer.layer_bias"), 6 * WIDTH)[layer] ?? [],
    ),
    WIDTH,
  );

function runLayer(
  given: Given,
  layer: number,
  tokens: readonly Row[],
  modulations: readonly Modulation[],
): { readonly tokens: number[][]; readonly fresh: Token[] } {
  const name = `transformer.layers.${layer}`;
  const fresh = tokens.map((x, i) => {
    const [shift = [], scale = []] = modulations[frameOf(i)] ?? [];
    return projected(modulate(x, shift, scale), name);
  });
  const next = tokens.map((x, i) => {
    const [, , gate = [], mlpShift = [], mlpScale = [], mlpGate = []] =
      modulations[frameOf(i)] ?? [];
    const heads = Array.from({ length: HEADS }, (_, head) =>
      attend(given, { layer, head, token: i }, fresh),
    );
    const attended = add(x, multiply(gate, linear(heads.flat(), W.linear(`${name}.proj`))));
    const hidden = geluTanh(linear(modulate(attended, mlpShift, mlpScale), W.linear(`${name}.up`)));
    return add(attended, multiply(mlpGate, linear(hidden, W.linear(`${name}.down`))));
  });
  return { tokens: next, fresh };
}

function projected(x: Row, name: string): Token {
  const [query = [], key = [], value = []] = rowsOf(linear(x, W.linear(`${name}.qkv`)), WIDTH);
  const normed = (row: Row, gain: string): number[][] =>
    rowsOf(row, HEAD_DIM).map((head) => rmsNorm(head, W.tensor(`${name}.${gain}.gain`)));
  return {
    query: normed(query, "query_norm"),
    key: normed(key, "key_norm"),
    value: rowsOf(value, HEAD_DIM),
  };
}

/** One token's attention in one head over the cached slots and every own token. */
function attend(
  given: Given,
  at: { readonly layer: number; readonly head: number; readonly token: number },
  fresh: readonly Token[],
): number[] {
  const slots = input(given, "cache_bias").length / LAYERS;
  const cachedAt = (at.layer * HEADS + at.head) * slots;
  const cached = (name: string): number[][] =>
    rowsOf(input(given, name), HEAD_DIM).slice(cachedAt, cachedAt + slots);
  const table = (name: string): number[][] => rowsOf(input(given, name), HALF);
  const ofLayer = <T>(rows: ArrayLike<T>): T[] =>
    Array.from(rows).slice(at.layer * slots, (at.layer + 1) * slots);
  const [cos, sin] = ["cache_cos", "cache_sin"].map((name) => ofLayer(table(name)));
  const [ownCos, ownSin] = ["query_cos", "query_sin"].map(table);
  const keys = [...cached("cache_key"), ...fresh.map((token) => token.key[at.head] ?? [])];
  const values = [...cached("cache_value"), ...fresh.map((token) => token.value[at.head] ?? [])];
  const allCos = [...(cos ?? []), ...(ownCos ?? [])];
  const allSin = [...(sin ?? []), ...(ownSin ?? [])];
  const bias = [...ofLayer(input(given, "cache_bias")), ...fresh.map(() => 0)];
  const query = rotate(
    fresh[at.token]?.query[at.head] ?? [],
    ownCos?.[at.token] ?? [],
    ownSin?.[at.token] ?? [],
  );
  const weights = softmax(
    keys.map(
      (key, i) =>
        dot(query, rotate(key, allCos[i] ?? [], allSin[i] ?? [])) / Math.sqrt(HEAD_DIM) +
        (bias[i] ?? 0),
    ),
  );
  return Array.from({ length: HEAD_DIM }, (_, dim) =>
    dot(
      weights,
      values.map((value) => value[dim] ?? 0),
    ),
  );
}

const byHead = (tokens: readonly Token[], part: "key" | "value"): number[] =>
  Array.from({ length: HEADS }, (_, head) =>
    tokens.flatMap((token) => token[part][head] ?? []),
  ).flat();

/** Patches of all tokens back to latents [F, C, H, W]. */
function layOut(patches: readonly Row[]): number[] {
  const frames = patches.length / TOKENS;
  const across = SIDE / PATCH;
  return Array.from({ length: frames * CHANNELS * SIDE * SIDE }, (_, i) => {
    const x = i % SIDE;
    const y = Math.floor(i / SIDE) % SIDE;
    const channel = Math.floor(i / (SIDE * SIDE)) % CHANNELS;
    const frame = Math.floor(i / (SIDE * SIDE * CHANNELS));
    const token = frame * TOKENS + Math.floor(y / PATCH) * across + Math.floor(x / PATCH);
    return patches[token]?.[(channel * PATCH + (y % PATCH)) * PATCH + (x % PATCH)] ?? 0;
  });
}
