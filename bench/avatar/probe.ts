/** Reads heads back from pictures by the package's own `truth/probe.onnx`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { PNG } from "pngjs";

/** What one picture shows. */
export interface HeadReading {
  /** How far the mouth is open. */
  readonly opening: number;
  /** Length 1; two are compared by their product. */
  readonly identity: readonly number[];
}

/** Lifetime: until the process ends. */
export class HeadProbe {
  readonly #session: InferenceSession;
  readonly #size: number;
  readonly #opening: number;

  private constructor(session: InferenceSession, size: number, opening: number) {
    this.#session = session;
    this.#size = size;
    this.#opening = opening;
  }

  /** Of the package at `path`. */
  static async open(path: string): Promise<HeadProbe> {
    const folder = join(path, "truth");
    const { size, probe } = JSON.parse(readFileSync(join(folder, "truth.json"), "utf8")) as {
      size: number;
      probe: { readings: string[] };
    };
    const session = await InferenceSession.create(join(folder, "probe.onnx"), {
      intraOpNumThreads: 1,
    });
    return new HeadProbe(session, size, probe.readings.indexOf("opening"));
  }

  /** Bytes of a picture. */
  get bytes(): number {
    return 3 * this.#size ** 2;
  }

  /** Read `rgb`, [size, size, 3], uint8. */
  async read(rgb: Uint8Array): Promise<HeadReading> {
    const shape = [1, this.#size, this.#size, 3];
    const { readings, identity } = await this.#session.run({
      rgb: new Tensor("uint8", rgb, shape),
    });
    return {
      opening: Number(readings?.data[this.#opening]),
      identity: Array.from(identity?.data as Float32Array),
    };
  }
}

/** How alike two people look, at most 1. */
export const likeness = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** The picture in a PNG, [height, width, 3], uint8. */
export function rgbOf(png: Buffer): Uint8Array {
  const { data } = PNG.sync.read(png);
  const colour = (i: number) => data[4 * Math.floor(i / 3) + (i % 3)] ?? 0;
  return Uint8Array.from({ length: (data.length / 4) * 3 }, (_, i) => colour(i));
}
