/** A walk through a true maze, recorded once, that every cache policy is shown. */

import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { drawNormals } from "../../src/core/noise.ts";
import { uniforms } from "../play.ts";
import { DIRECTIONS, MAP, type MazeTruth, SIDE } from "./maze-truth.ts";

/** One true frame, and what led to it. */
export interface WalkFrame {
  /** [side, side, 3], uint8. */
  readonly picture: Uint8Array;
  /** Clean latents as the image encoder makes them, [C, H, W]. */
  readonly latents: Float32Array;
  /** The keys that led from the frame before to this one. */
  readonly control: Float32Array;
  /** Row of the room it shows. */
  readonly row: Float32Array;
  /** Frames since the room was last in view, where a door was taken into one that was seen before; else 0. */
  readonly age: number;
  /** Whether a door was taken into a room never seen. */
  readonly isNew: boolean;
}

/** Share of doors chosen because the room behind them was seen longest ago. */
const CURIOSITY = 0.35;
const NOISE_LANE = 1;

/** Walk for `length` frames; `seed` decides the maze and the way. */
export async function recordWalk(
  truth: MazeTruth,
  packagePath: string,
  length: number,
  seed: number,
): Promise<WalkFrame[]> {
  const encoder = await InferenceSession.create(join(packagePath, "image-encoder.onnx"), {
    intraOpNumThreads: 1,
  });
  const rooms = await drawRooms(truth, seed);
  const walker = new Walker(seed);
  const frames: WalkFrame[] = [];
  let state: Float32Array = Float32Array.of(5, 56, 56, 0);
  let control: Float32Array = new Float32Array(DIRECTIONS);
  const lastSeen = new Map<number, number>();
  for (let frame = 0; frame < length; frame++) {
    const [room = 0] = state;
    const row = rooms[room] ?? new Float32Array();
    const seen = lastSeen.get(room);
    const entered = walker.enter(room, frame);
    const picture = await truth.render(row, state);
    frames.push({
      picture,
      latents: await encode(encoder, picture),
      control,
      row,
      age: entered && seen !== undefined ? frame - seen : 0,
      isNew: entered && seen === undefined && frame > 0,
    });
    lastSeen.set(room, frame);
    control = await truth.play(row, state, walker.goal);
    state = await truth.step(row, state, control);
    if (frame % 200 === 0) process.stderr.write(`\rcache: true frame ${frame} of ${length} `);
  }
  process.stderr.write("\n");
  return frames;
}

async function drawRooms(truth: MazeTruth, seed: number): Promise<Float32Array[]> {
  const rooms: Float32Array[] = [];
  for (let room = 0; room < MAP * MAP; room++) {
    const noise = new Float32Array(truth.noiseLength);
    drawNormals(noise, { seed, block: room, step: 0, lane: NOISE_LANE });
    rooms.push(await truth.roomOf(noise));
  }
  return rooms;
}

async function encode(encoder: InferenceSession, rgb: Uint8Array): Promise<Float32Array> {
  const { latent } = await encoder.run({ rgb: new Tensor("uint8", rgb, [1, SIDE, SIDE, 3]) });
  return Float32Array.from(latent?.data as Float32Array);
}

/** Chooses the next door whenever a room is entered. */
class Walker {
  readonly #uniform: () => number;
  readonly #lastSeen = new Map<number, number>();
  #room = -1;
  goal = 0;

  constructor(seed: number) {
    this.#uniform = uniforms(seed);
  }

  /** The player is in `room` now; whether they have just come in. */
  enter(room: number, frame: number): boolean {
    this.#lastSeen.set(this.#room, frame);
    if (room === this.#room) return false;
    const behind = this.#room;
    this.#room = room;
    const doors = [...Array(DIRECTIONS).keys()].filter((way) => neighbour(room, way) !== undefined);
    const curious = this.#uniform() < CURIOSITY;
    const wish = (way: number): number => {
      const next = neighbour(room, way) ?? 0;
      if (curious) return frame - (this.#lastSeen.get(next) ?? -1) + this.#uniform();
      return (next === behind ? 0.5 : 1) * (1 + this.#uniform());
    };
    const wishes = doors.map((way) => [way, wish(way)] as const);
    this.goal = wishes.toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
    return true;
  }
}

/** The room behind a door: down, up, left, right; undefined where there is none. */
function neighbour(room: number, way: number): number | undefined {
  const [row, column] = [Math.floor(room / MAP), room % MAP];
  const steps = [
    [1, 0],
    [-1, 0],
    [0, -1],
    [0, 1],
  ] as const;
  const [down, right] = steps[way] ?? [0, 0];
  const inside = (place: number): boolean => place >= 0 && place < MAP;
  if (!inside(row + down) || !inside(column + right)) return undefined;
  return (row + down) * MAP + column + right;
}
