/** Shapes of a history. */
export interface HistoryShape {
  readonly framesPerBlock: number;
  readonly previousFrames: number;
  /** Floats of one latent frame. */
  readonly frameLength: number;
  /** Floats of a control vector. */
  readonly controls: number;
  /** Floats of one frame's speech features; 0 for a model that hears nothing. */
  readonly speech: number;
  /** Whether graphs are given the latent of a reference picture. */
  readonly reference: boolean;
}

/**
 * The newest clean block, which mostly no pass has committed yet, and the clean frames before it.
 *
 * One buffer of P + F frames, oldest first, with three views of it that graphs read in place. It is all that
 * a generation knows of its past besides the cache.
 */
export class History {
  /** The P frames that the newest block's steps were given, [P, C, H, W]. */
  readonly before: Float32Array;
  /** The newest block, [F, C, H, W]. */
  readonly newest: Float32Array;
  /** The last P frames, the newest block's included: what the next block's steps are given. */
  readonly previous: Float32Array;
  /** Whether the newest block is in the cache already. */
  isCommitted = false;
  /** The control the newest block was made under, one row a frame, [F, controls]. */
  readonly control: Float32Array;
  /** What the newest block's frames heard, [F, features]; of length 0 without a speech lane. */
  readonly speech: Float32Array;
  /** The reference picture's latent, [C, H, W]: what it began from; of length 0 where graphs take none. */
  readonly reference: Float32Array;
  readonly #frames: Float32Array;
  readonly #shape: HistoryShape;

  constructor(shape: HistoryShape) {
    const { framesPerBlock, previousFrames, frameLength, controls, speech, reference } = shape;
    this.#shape = shape;
    this.#frames = new Float32Array((previousFrames + framesPerBlock) * frameLength);
    this.before = this.#frames.subarray(0, previousFrames * frameLength);
    this.newest = this.#frames.subarray(previousFrames * frameLength);
    this.previous = this.#frames.subarray(framesPerBlock * frameLength);
    this.control = new Float32Array(framesPerBlock * controls);
    this.speech = new Float32Array(framesPerBlock * speech);
    this.reference = new Float32Array(reference ? frameLength : 0);
  }

  /** Everything in order, for snapshots. */
  get parts(): readonly Float32Array[] {
    return [this.#frames, this.control, this.speech, this.reference];
  }

  /** Begin with frame `first` [C, H, W] all over, under all-zero controls and `silence` [features]. */
  begin(first: Float32Array, silence: Float32Array): void {
    if (this.reference.length > 0) this.reference.set(first);
    this.#repeat(first);
    fillRows(this.speech, silence);
  }

  #repeat(first: Float32Array): void {
    const { frameLength } = this.#shape;
    for (let at = 0; at < this.#frames.length; at += frameLength) this.#frames.set(first, at);
    this.control.fill(0);
    this.isCommitted = false;
  }

  /** Begin with one whole block [F, C, H, W]; the frames before it repeat its first. The reference stays. */
  beginWith(block: Float32Array, control: Float32Array, speech: Float32Array): void {
    this.#repeat(block.subarray(0, this.#shape.frameLength));
    this.newest.set(block);
    fillRows(this.control, control);
    this.speech.set(speech);
  }

  /** Add a block [F, C, H, W] made under `control` [controls] and `speech` [F, features]. */
  push(block: Float32Array, control: Float32Array, speech: Float32Array): void {
    this.#frames.copyWithin(0, this.#shape.framesPerBlock * this.#shape.frameLength);
    this.newest.set(block);
    fillRows(this.control, control);
    this.speech.set(speech);
    this.isCommitted = false;
  }
}

/** Repeat `row` over all of `rows`. */
export function fillRows(rows: Float32Array, row: Float32Array): void {
  for (let at = 0; at < rows.length; at += row.length) rows.set(row, at);
}
