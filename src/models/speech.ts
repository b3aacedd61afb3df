/** What a model hears: the last samples of a session's speech, and what its encoder makes of them. */

import { StreamError } from "../core/errors.ts";
import type { BoundGraph } from "./graph.ts";
import type { Manifest } from "./manifest.ts";
import type { GraphSet } from "./world-model.ts";

/** Sizes of a speech lane. */
export interface SpeechShape {
  readonly framesPerBlock: number;
  /** Samples that one frame lasts. */
  readonly frameSamples: number;
  /** Frames that the features of one frame are made from. */
  readonly windowFrames: number;
  /** Frames that the voice is held back by, for the mouth to know what comes. */
  readonly lookAheadFrames: number;
  /** Floats of one frame's features. */
  readonly features: number;
}

/** What comes in during one block. */
export interface BlockSpeech {
  /** [F · samplesPerFrame], float32, mono, in [-1, 1], at the lane's sample rate. */
  readonly samples: Float32Array;
  /** What came in before and was not heard yet is dropped. */
  readonly cut: boolean;
}

/** A sound that is cut falls silent over so many samples, so that it does not click: 10 ms. */
const FADE_SAMPLES = 160;

/** The speech lane's sizes; undefined where a package has none. */
export function speechShape({ lanes }: Manifest): SpeechShape | undefined {
  if (lanes.speech === undefined) return undefined;
  const { samplesPerFrame, windowFrames, lookAheadFrames, features } = lanes.speech;
  const { framesPerBlock } = lanes.video;
  return { framesPerBlock, frameSamples: samplesPerFrame, windowFrames, lookAheadFrames, features };
}

/** What a world model gives its graphs of speech; nothing where the package has no lane. Lifetime: a generation's. */
export class Hearing {
  /** Of the block to come, [F, features], float32; of length 0 without a lane. Graphs read it in place. */
  readonly features: Float32Array;
  /** Of silence, [features]. Filled by `open`. */
  readonly silence: Float32Array;
  /** The newest samples, oldest first: what windows and the voice still need, then the block to come. */
  readonly heard: Float32Array;
  readonly #shape: SpeechShape | undefined;
  /** What was heard before the newest block came in. */
  readonly #before: Float32Array;
  readonly #pcm: Float32Array;
  readonly #row: Float32Array;
  readonly #graph: BoundGraph | undefined;

  private constructor(shape: SpeechShape | undefined, graphs: GraphSet) {
    const { framesPerBlock = 0, frameSamples = 0, windowFrames = 0, features = 0 } = shape ?? {};
    this.#shape = shape;
    this.features = new Float32Array(framesPerBlock * features);
    this.silence = new Float32Array(features);
    this.heard = new Float32Array((keptFrames(shape) + framesPerBlock) * frameSamples);
    this.#before = new Float32Array(this.heard.length);
    this.#pcm = new Float32Array(windowFrames * frameSamples);
    this.#row = new Float32Array(features);
    this.#graph =
      shape && graphs("speechEncoder").bind({ pcm: this.#pcm }, { features: this.#row });
  }

  /** In silence. @throws {StreamError} `inference_failed`. */
  static async open(shape: SpeechShape | undefined, graphs: GraphSet): Promise<Hearing> {
    const hearing = new Hearing(shape, graphs);
    await hearing.#graph?.run();
    hearing.silence.set(hearing.#row);
    return hearing;
  }

  /**
   * Take in what comes during the next block, silence where nothing is said, and let `features` be that block's.
   *
   * @throws {StreamError} `bad_parameter` for a block of another length, or speech where there is no lane.
   */
  async hear(speech: BlockSpeech | undefined): Promise<void> {
    const shape = this.#shape;
    this.#require(speech);
    if (shape === undefined) return;
    this.#before.set(this.heard);
    if (speech?.cut === true) this.#cut(shape);
    const block = shape.framesPerBlock * shape.frameSamples;
    this.heard.copyWithin(0, block);
    const fresh = this.heard.subarray(this.heard.length - block);
    if (speech === undefined) fresh.fill(0);
    else fresh.set(speech.samples);
    for (let frame = 0; frame < shape.framesPerBlock; frame++) await this.#encode(frame, shape);
  }

  /** Take back what came in last: its block was not made, and will be asked for again. */
  takeBack(): void {
    this.heard.set(this.#before);
  }

  /**
   * What is heard during the block to come: what came in as many frames before as the model looks ahead.
   *
   * Shapes: [F · samplesPerFrame], float32; undefined without a lane. Owns: the receiver's.
   */
  get voice(): Float32Array | undefined {
    const shape = this.#shape;
    if (shape === undefined) return undefined;
    const { frameSamples, framesPerBlock, lookAheadFrames } = shape;
    const end = this.heard.length - lookAheadFrames * frameSamples;
    return this.heard.slice(end - framesPerBlock * frameSamples, end);
  }

  /** Let what was not heard yet end here. */
  #cut({ frameSamples, lookAheadFrames }: SpeechShape): void {
    const unheard = this.heard.subarray(this.heard.length - lookAheadFrames * frameSamples);
    for (let i = 0; i < unheard.length; i++) {
      unheard[i] = (unheard[i] ?? 0) * Math.max(0, 1 - i / FADE_SAMPLES);
    }
  }

  async #encode(frame: number, { framesPerBlock, frameSamples, features }: SpeechShape) {
    const end = this.heard.length - (framesPerBlock - 1 - frame) * frameSamples;
    this.#pcm.set(this.heard.subarray(end - this.#pcm.length, end));
    this.features.set(await this.#featuresOfWindow(), frame * features);
  }

  /** Of silence they are known: while nobody speaks the encoder rests. */
  async #featuresOfWindow(): Promise<Float32Array> {
    if (this.#pcm.every((sample) => sample === 0)) return this.silence;
    await this.#graph?.run();
    return this.#row;
  }

  #require(speech: BlockSpeech | undefined): void {
    if (speech === undefined) return;
    const { framesPerBlock = 0, frameSamples = 0 } = this.#shape ?? {};
    const wanted = framesPerBlock * frameSamples;
    if (this.#shape !== undefined && speech.samples.length === wanted) return;
    throw new StreamError("bad_parameter", `a block of this model hears ${wanted} samples`, {
      detail: { path: "speech" },
    });
  }
}

/** Frames before the block to come whose samples it still needs. */
export const keptFrames = (shape: SpeechShape | undefined): number =>
  shape === undefined ? 0 : Math.max(shape.windowFrames - 1, shape.lookAheadFrames);
