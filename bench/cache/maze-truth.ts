/** The `truth` folder of `world-maze`: its program as graphs. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** What `truth.json` says that is needed here. */
interface Description {
  readonly row: {
    readonly things: { readonly first: number; readonly nothing: number };
  };
  readonly chance: Readonly<Record<string, number>>;
}

/** Doors in the order of the program's directions. */
export const DIRECTIONS = 4;
/** Rooms along each side of the map. */
export const MAP = 4;
/** Pixels along each side of a picture. */
export const SIDE = 128;
/** Channels and tiles of the noise that describes a room. */
const NOISE_SHAPE = [1, 12, 8, 8];

const GRAPHS = ["render", "rules", "probe", "dice", "player"] as const;
type GraphName = (typeof GRAPHS)[number];

/** The maze: draw, advance, read back, walk. Lifetime: until the process ends. */
export class MazeTruth {
  readonly description: Description;
  readonly #graphs: Readonly<Record<GraphName, InferenceSession>>;

  private constructor(
    description: Description,
    graphs: Readonly<Record<GraphName, InferenceSession>>,
  ) {
    this.description = description;
    this.#graphs = graphs;
  }

  /** Load the `truth` folder of the package at `packagePath`. */
  static async open(packagePath: string): Promise<MazeTruth> {
    const folder = join(packagePath, "truth");
    const text = readFileSync(join(folder, "truth.json"), "utf8");
    const entries = await Promise.all(
      GRAPHS.map(async (name) => {
        const options = { intraOpNumThreads: 1 };
        return [name, await InferenceSession.create(join(folder, `${name}.onnx`), options)];
      }),
    );
    const graphs = Object.fromEntries(entries) as Record<GraphName, InferenceSession>;
    return new MazeTruth(JSON.parse(text) as Description, graphs);
  }

  /** The row of a room that first noise describes. */
  roomOf(noise: Float32Array): Promise<Float32Array> {
    return this.#floats("dice", "row", { noise: new Tensor("float32", noise, NOISE_SHAPE) });
  }

  /** Floats of a room's noise. */
  get noiseLength(): number {
    return NOISE_SHAPE.reduce((n, m) => n * m, 1);
  }

  /** Draw a state in a room: [SIDE, SIDE, 3], uint8. */
  async render(row: Float32Array, state: Float32Array): Promise<Uint8Array> {
    const { rgb } = await this.#graphs.render.run({ row: line(row), state: line(state) });
    return Uint8Array.from(rgb?.data as Uint8Array);
  }

  /** The state after a step from a room with keys held. */
  step(row: Float32Array, state: Float32Array, control: Float32Array): Promise<Float32Array> {
    const feeds = { row: line(row), state: line(state), control: line(control) };
    return this.#floats("rules", "next", feeds);
  }

  /** Keys of a player who walks to the door in `direction`. */
  play(row: Float32Array, state: Float32Array, direction: number): Promise<Float32Array> {
    const feeds = {
      row: line(row),
      state: line(state),
      direction: new Tensor("float32", Float32Array.of(direction), [1]),
    };
    return this.#floats("player", "control", feeds);
  }

  /** The room's row that a picture shows. */
  read(rgb: Uint8Array): Promise<Float32Array> {
    return this.#floats("probe", "row", { rgb: new Tensor("uint8", rgb, [1, SIDE, SIDE, 3]) });
  }

  async #floats(
    name: GraphName,
    output: string,
    feeds: Readonly<Record<string, Tensor>>,
  ): Promise<Float32Array> {
    const answers = await this.#graphs[name].run(feeds);
    return Float32Array.from(answers[output]?.data as Float32Array);
  }
}

const line = (values: Float32Array): Tensor => new Tensor("float32", values, [1, values.length]);
