/** A network as the sampler sees it: named buffers in, named buffers out. */

/** A tensor that stays on the device where graphs run; only the runtime that made it looks inside. */
export interface DeviceTensor {
  readonly location: "device";
}

/** Elements of a tensor in row-major order, or where they are. */
export type TensorData = Float32Array | Uint8Array | DeviceTensor;

/** Buffers by tensor name. */
export type Buffers = Readonly<Record<string, TensorData>>;

/** A graph tied to fixed buffers: a run reads the inputs where they are and fills the outputs in place. */
export interface BoundGraph {
  /** @throws {StreamError} `inference_failed`. */
  run(): Promise<void>;
}

/** One graph of a package. Lifetime: the model's. */
export interface Graph {
  /**
   * Tie the graph to buffers for all its inputs and outputs.
   *
   * Shapes: as `graphSignatures` says, row-major; a buffer of another length is a programming error.
   */
  bind(inputs: Buffers, outputs: Buffers): BoundGraph;
}
