import { readFileSync } from "node:fs";
import { type OracleTensor, readFloats, sizeOf, tinyPath } from "../oracle.ts";

/** A linear layer: `weight` [out, in], `bias` [out]. */
export interface Linear {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Parameters of tiny-entangled by their PyTorch names. */
export class Weights {
  readonly #index: Readonly<Record<string, OracleTensor>>;
  readonly #floats: Float32Array;

  constructor() {
    const base = `${tinyPath("tiny-entangled")}/weights`;
    this.#index = JSON.parse(readFileSync(`${base}.json`, "utf8")) as Record<string, OracleTensor>;
    this.#floats = readFloats(`${base}.f32`);
  }

  tensor(name: string): Float32Array {
    const entry = this.#index[name];
    if (entry === undefined) throw new Error(`there is no parameter ${name}`);
    return this.#floats.subarray(entry.offset, entry.offset + sizeOf(entry));
  }

  linear(name: string): Linear {
    return { weight: this.tensor(`${name}.weight`), bias: this.tensor(`${name}.bias`) };
  }
}
