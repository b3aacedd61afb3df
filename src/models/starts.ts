import { readFile } from "node:fs/promises";
import { StreamError } from "../core/errors.ts";
import { historyShape } from "./arena.ts";
import type { Beginning } from "./contract.ts";
import type { ModelPackage } from "./package.ts";
import { decodePicture, requireSize } from "./pictures.ts";
import { quantiserOf } from "./quantiser.ts";
import type { GraphSet } from "./world-model.ts";

/** The latents of a package's start pictures, each encoded when it is first asked for. */
export class Starts {
  readonly #package: ModelPackage;
  readonly #graphs: GraphSet;
  readonly #latents = new Map<string, Float32Array>();

  constructor(modelPackage: ModelPackage, graphs: GraphSet) {
    this.#package = modelPackage;
    this.#graphs = graphs;
  }

  /**
   * The latent [C, H, W] of what a generation begins from: its picture, or its start. Read only.
   *
   * @throws {StreamError} `unknown_start`, `bad_parameter`.
   */
  first({ start, picture }: Pick<Beginning, "start" | "picture">): Promise<Float32Array> {
    return picture === undefined ? this.latent(start) : this.encode(picture);
  }

  /**
   * The latent [C, H, W] of start `id`, or of the package's first start. Read only.
   *
   * @throws {StreamError} `unknown_start`.
   */
  async latent(id?: string): Promise<Float32Array> {
    const { starts } = this.#package.manifest;
    const start = id === undefined ? starts[0] : starts.find((one) => one.id === id);
    if (start === undefined) {
      const known = starts.map((one) => one.id).join(", ");
      throw new StreamError("unknown_start", `this model has no start \`${id}\`; it has: ${known}`);
    }
    const latent = this.#latents.get(start.id) ?? (await this.#encode(start.image));
    this.#latents.set(start.id, latent);
    return latent;
  }

  async #encode(image: string): Promise<Float32Array> {
    const { lanes } = this.#package.manifest;
    const content = await readFile(this.#package.file(image));
    return this.encode(decodePicture(image, content, lanes.video));
  }

  /**
   * The latent [C, H, W] of a picture [height, width, 3], uint8. Owns: the receiver's.
   *
   * @throws {StreamError} `bad_parameter` for a picture of another size.
   */
  async encode(rgb: Uint8Array): Promise<Float32Array> {
    const { lanes } = this.#package.manifest;
    requireSize(rgb, lanes.video);
    const latent = new Float32Array(historyShape(this.#package.manifest).frameLength);
    await this.#graphs("imageEncoder").bind({ rgb }, { latent }).run();
    quantiserOf(lanes.video.latent.quantiser)(latent);
    return latent;
  }
}
