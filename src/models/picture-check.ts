import { StreamError } from "../core/errors.ts";
import type { Manifest } from "./manifest.ts";
import { requireSize } from "./pictures.ts";
import type { GraphSet } from "./world-model.ts";

/** What scores below it is no face. */
const LEAST_SCORE = 0.5;

/**
 * What tells whether sessions may begin from a picture [height, width, 3], uint8; every picture of the right size will
 * do where the package has no face check.
 *
 * @throws {StreamError} (the check) `bad_parameter`, `no_face`, `inference_failed`.
 */
export function pictureCheck(
  { graphs, lanes: { video } }: Manifest,
  graph: GraphSet,
): (rgb: Uint8Array) => Promise<void> {
  return async (rgb) => {
    requireSize(rgb, video);
    if (graphs.faceCheck === undefined) return;
    const score = new Float32Array(1);
    await graph("faceCheck").bind({ rgb }, { score }).run();
    const [seen = 0] = score;
    if (seen >= LEAST_SCORE) return;
    throw new StreamError(
      "no_face",
      "there is no face to be seen in this picture; take one that looks into the camera, and fills the picture",
      { detail: { score: Math.round(seen * 100) / 100 } },
    );
  };
}
