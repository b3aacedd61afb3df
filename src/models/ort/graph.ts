import { InferenceSession, Tensor } from "onnxruntime-node";
import { toStreamError } from "../../core/errors.ts";
import type { BoundGraph, Buffers, Graph, TensorData } from "../graph.ts";
import type { GraphSignature, TensorShape } from "../signatures.ts";

/** A graph in ONNX Runtime. Lifetime: until `close`. */
export class OrtGraph implements Graph {
  readonly #session: InferenceSession;
  readonly #signature: GraphSignature;

  private constructor(session: InferenceSession, signature: GraphSignature) {
    this.#session = session;
    this.#signature = signature;
  }

  /** @throws whatever ONNX Runtime throws when it cannot run the file with these options. */
  static async open(
    file: string,
    signature: GraphSignature,
    options: InferenceSession.SessionOptions,
  ): Promise<OrtGraph> {
    return new OrtGraph(await InferenceSession.create(file, options), signature);
  }

  bind(inputs: Buffers, outputs: Buffers): BoundGraph {
    const feeds = tensorsOver(inputs, this.#signature.inputs);
    const fetches = tensorsOver(outputs, this.#signature.outputs);
    return { run: () => this.#run(feeds, fetches) };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(feeds: Record<string, Tensor>, fetches: Record<string, Tensor>): Promise<void> {
    try {
      await this.#session.run(feeds, fetches);
    } catch (cause) {
      throw toStreamError(cause, "inference_failed", "reset-cache");
    }
  }
}

/** A tensor over each buffer, in place. */
function tensorsOver(
  buffers: Buffers,
  shapes: Readonly<Record<string, TensorShape>>,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, { shape }]) => [
      name,
      tensorOver(name, buffers[name], shape),
    ]),
  );
}

function tensorOver(name: string, data: TensorData | undefined, shape: readonly number[]): Tensor {
  if (data === undefined) throw new TypeError(`no buffer is bound to \`${name}\``);
  return data instanceof Float32Array
    ? new Tensor("float32", data, shape)
    : new Tensor("uint8", data, shape);
}
