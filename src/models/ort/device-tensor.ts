import type { Tensor } from "onnxruntime-node";
import type { DeviceTensor } from "../graph.ts";

/**
 * A place for a tensor on the device. Owns it: what is replaced is given back at once.
 *
 * A run with outputs on the device allocates them (ONNX Runtime 1.30 does not fill given ones there), so every
 * run puts a new tensor here. A tensor in this process's memory may stand in; the next run uploads it.
 */
export class DeviceCell implements DeviceTensor {
  readonly location = "device";
  #tensor: Tensor | undefined;

  constructor(first?: Tensor) {
    this.#tensor = first;
  }

  /** @throws {TypeError} while nothing was put here. */
  get tensor(): Tensor {
    if (this.#tensor === undefined) throw new TypeError("no run has filled this tensor");
    return this.#tensor;
  }

  put(tensor: Tensor): void {
    this.dispose();
    this.#tensor = tensor;
  }

  dispose(): void {
    if (this.#tensor !== undefined && this.#tensor.location !== "cpu") this.#tensor.dispose();
    this.#tensor = undefined;
  }
}
