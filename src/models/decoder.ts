import { historyShape } from "./arena.ts";
import type { BoundGraph } from "./graph.ts";
import type { Manifest } from "./manifest.ts";
import type { GraphSet } from "./world-model.ts";

/** Turns a block's latents into pictures. */
export class Decoder {
  readonly #latent: Float32Array;
  readonly #pictures: readonly Uint8Array[];
  readonly #graph: BoundGraph;

  constructor(manifest: Manifest, graphs: GraphSet) {
    const { framesPerBlock, frameLength } = historyShape(manifest);
    const { width, height } = manifest.lanes.video;
    const pictureLength = height * width * 3;
    const rgb = new Uint8Array(framesPerBlock * pictureLength);
    this.#latent = new Float32Array(framesPerBlock * frameLength);
    this.#pictures = Array.from({ length: framesPerBlock }, (_, frame) =>
      rgb.subarray(frame * pictureLength, (frame + 1) * pictureLength),
    );
    this.#graph = graphs("decoder").bind({ latent: this.#latent }, { rgb });
  }

  /**
   * Shapes: `latents` [F, C, H, W]; one picture [height, width, 3] a frame.
   * Lifetime of the pictures: until the next call.
   */
  async decode(latents: Float32Array): Promise<readonly Uint8Array[]> {
    this.#latent.set(latents);
    await this.#graph.run();
    return this.#pictures;
  }
}
