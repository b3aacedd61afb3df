import { InferenceSession, Tensor } from "onnxruntime-node";
import { toStreamError } from "../../core/errors.ts";
import type { BoundGraph, Buffers, Graph, TensorData } from "../graph.ts";
import { type Dim, type GraphSignature, OPEN_SLOTS, type TensorShape } from "../signatures.ts";
import { DeviceCell } from "./device-tensor.ts";

/** How to open a graph. */
export interface OrtGraphOptions {
  readonly session: InferenceSession.SessionOptions;
  /** Outputs that stay on the device. */
  readonly onDevice: readonly string[];
}

/** A graph in ONNX Runtime. Lifetime: until `close`. */
export class OrtGraph implements Graph {
  readonly #session: InferenceSession;
  readonly #signature: GraphSignature;
  readonly #fillsInPlace: boolean;

  private constructor(session: InferenceSession, signature: GraphSignature, fillsInPlace: boolean) {
    this.#session = session;
    this.#signature = signature;
    this.#fillsInPlace = fillsInPlace;
  }

  /** @throws whatever ONNX Runtime throws when it cannot run the file with these options. */
  static async open(
    file: string,
    signature: GraphSignature,
    { session, onDevice }: OrtGraphOptions,
  ): Promise<OrtGraph> {
    const opened = await InferenceSession.create(file, {
      ...session,
      ...(onDevice.length > 0 && {
        preferredOutputLocation: locations(Object.keys(signature.outputs), onDevice),
      }),
    });
    return new OrtGraph(opened, signature, onDevice.length === 0);
  }

  bind(inputs: Buffers, outputs: Buffers): BoundGraph {
    const feeds = Object.entries(this.#signature.inputs).map(feedFrom(inputs));
    if (this.#fillsInPlace) {
      const fetches = Object.fromEntries(
        Object.entries(this.#signature.outputs).map(fetchInto(outputs)),
      );
      return { run: () => this.#run(() => this.#session.run(tensorsOf(feeds), fetches)) };
    }
    return { run: () => this.#run(() => this.#runOnDevice(tensorsOf(feeds), outputs)) };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  /** With outputs on the device, ONNX Runtime fills none in place; those that come here are copied. */
  async #runOnDevice(feeds: Record<string, Tensor>, outputs: Buffers): Promise<void> {
    const answers = await this.#session.run(feeds);
    for (const [name, buffer] of Object.entries(outputs)) {
      const answer = answers[name] as Tensor;
      if (buffer instanceof DeviceCell) buffer.put(answer);
      else if (isHost(buffer)) buffer.set(answer.data as Float32Array | Uint8Array);
    }
  }

  async #run(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      throw toStreamError(cause, "inference_failed", "reset-cache");
    }
  }
}

/** Where each output goes: named ones stay on the device. */
export const locations = (
  outputs: readonly string[],
  onDevice: readonly string[],
): Record<string, "cpu" | "gpu-buffer"> =>
  Object.fromEntries(outputs.map((name) => [name, onDevice.includes(name) ? "gpu-buffer" : "cpu"]));

type Feed = readonly [name: string, tensor: () => Tensor];
type NamedShape = readonly [name: string, shape: TensorShape];

const tensorsOf = (feeds: readonly Feed[]): Record<string, Tensor> =>
  Object.fromEntries(feeds.map(([name, tensor]) => [name, tensor()]));

/** A tensor over a buffer in place, or the device's tensor of the moment. */
const feedFrom =
  (inputs: Buffers) =>
  ([name, { shape }]: NamedShape): Feed => {
    const buffer = inputs[name];
    if (buffer instanceof DeviceCell) return [name, () => buffer.tensor];
    const tensor = hostTensor(name, buffer, shape);
    return [name, () => tensor];
  };

const fetchInto =
  (outputs: Buffers) =>
  ([name, { shape }]: NamedShape): [string, Tensor] => [
    name,
    hostTensor(name, outputs[name], shape),
  ];

function hostTensor(name: string, data: TensorData | undefined, shape: readonly Dim[]): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, sizes(shape, data.length));
  if (data instanceof Uint8Array) return new Tensor("uint8", data, sizes(shape, data.length));
  throw new TypeError(`no buffer is bound to \`${name}\``);
}

/** The sizes of a buffer of `length` elements: the open axis is what the others leave. */
function sizes(shape: readonly Dim[], length: number): number[] {
  const known = shape.reduce<number>((n, size) => (size === OPEN_SLOTS ? n : n * size), 1);
  return shape.map((size) => (size === OPEN_SLOTS ? length / known : size));
}

const isHost = (buffer: TensorData): buffer is Float32Array | Uint8Array =>
  ArrayBuffer.isView(buffer);
