/** A package's `truth` folder: the game itself as graphs, exported from the program that drew the training data. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** What `truth.json` says of the numbers in a state. */
interface TruthDescription {
  readonly state: { readonly fields: readonly string[] };
  readonly control: readonly string[];
  readonly spots: readonly (readonly [number, number])[];
  readonly present: readonly string[];
  readonly damageLimit: number;
  readonly tolerance: { readonly pixels: number };
}

/** What one picture shows. */
export interface Reading {
  /** Shape [fields], in the order of `Truth.fields`. */
  readonly state: Float32Array;
  /** Which of `Truth.parts` are there exactly once. */
  readonly present: readonly boolean[];
  /** Largest mean absolute error of an 8 x 8 block against the state, drawn; pictures in [0, 1]. */
  readonly damage: number;
}

/** The game: draw, advance, read back, play. Lifetime: until the process ends. */
export class Truth {
  readonly fields: readonly string[];
  readonly parts: readonly string[];
  readonly controls: readonly string[];
  readonly spots: number;
  readonly damageLimit: number;
  readonly pixels: number;
  readonly #graphs: Readonly<Record<GraphName, InferenceSession>>;

  private constructor(
    description: TruthDescription,
    graphs: Readonly<Record<GraphName, InferenceSession>>,
  ) {
    this.fields = description.state.fields;
    this.parts = description.present;
    this.controls = description.control;
    this.spots = description.spots.length;
    this.damageLimit = description.damageLimit;
    this.pixels = description.tolerance.pixels;
    this.#graphs = graphs;
  }

  /** Load the `truth` folder of the package at `packagePath`. */
  static async open(packagePath: string): Promise<Truth> {
    const folder = join(packagePath, "truth");
    const description = JSON.parse(
      readFileSync(join(folder, "truth.json"), "utf8"),
    ) as TruthDescription;
    const load = (name: GraphName) =>
      InferenceSession.create(join(folder, `${name}.onnx`), { intraOpNumThreads: 1 });
    const [render, rules, probe, player] = await Promise.all(GRAPHS.map(load));
    if (!render || !rules || !probe || !player) throw new Error("a truth graph is missing");
    return new Truth(description, { render, rules, probe, player });
  }

  /** Draw a state: [height, width, 3], uint8. */
  async render(state: Float32Array): Promise<Uint8Array> {
    const { rgb } = await this.#graphs.render.run({ state: row(state) });
    return rgb?.data as Uint8Array;
  }

  /** Advance a state, given the one before it, keys held, and where a star that is taken goes. */
  async step(
    previous: Float32Array,
    state: Float32Array,
    control: Float32Array,
    spot: number,
  ): Promise<Float32Array> {
    const { next } = await this.#graphs.rules.run({
      previous: row(previous),
      state: row(state),
      control: row(control),
      spot: new Tensor("float32", Float32Array.of(spot), [1]),
    });
    return Float32Array.from(next?.data as Float32Array);
  }

  /** Read a picture back; `rgb` is [height, width, 3], uint8. */
  async read(rgb: Uint8Array, side: number): Promise<Reading> {
    const picture = new Tensor("uint8", rgb, [1, side, side, 3]);
    const { state, present, damage } = await this.#graphs.probe.run({ rgb: picture });
    return {
      state: Float32Array.from(state?.data as Float32Array),
      present: Array.from(present?.data as Float32Array, (value) => value > 0.5),
      damage: Number(damage?.data[0]),
    };
  }

  /** The keys of a player who chases the star. */
  async play(state: Float32Array): Promise<Float32Array> {
    const { control } = await this.#graphs.player.run({ state: row(state) });
    return Float32Array.from(control?.data as Float32Array);
  }

  /** The value of `field` in `state`. */
  value(state: Float32Array, field: string): number {
    return state[this.fields.indexOf(field)] ?? Number.NaN;
  }
}

const GRAPHS = ["render", "rules", "probe", "player"] as const;
type GraphName = (typeof GRAPHS)[number];

const row = (values: Float32Array): Tensor => new Tensor("float32", values, [1, values.length]);
