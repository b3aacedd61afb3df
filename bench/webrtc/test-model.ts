/** A model whose blocks are test pictures, so that a bench of the transport waits for no inference. */

import { fileURLToPath } from "node:url";
import { as } from "../../src/core/units.ts";
import { modelCache } from "../../src/models/arena.ts";
import type { GeneratedBlock, Generation, Model } from "../../src/models/model.ts";
import { loadPackage, type ModelPackage } from "../../src/models/package.ts";
import { PictureSource, testPictures, VIDEO } from "./test-pictures.ts";

/** The folder of the package that lends its manifest. */
export const PACKAGE = fileURLToPath(
  new URL("../../tests/fixtures/tiny-separable", import.meta.url),
);

/** Load the package at `path` as one whose pictures have the size and rate of `VIDEO`. */
export async function loadTestPackage(path: string): Promise<ModelPackage> {
  const lent = await loadPackage(path);
  const { manifest } = lent;
  const video = { ...manifest.lanes.video, ...VIDEO, framesPerBlock: 1 };
  return {
    path,
    digest: lent.digest,
    file: (name) => lent.file(name),
    manifest: { ...manifest, lanes: { ...manifest.lanes, video } },
  };
}

/** The model of a package from `loadTestPackage`. */
export function testModel(modelPackage: ModelPackage): Model {
  const cycle = testPictures();
  return {
    modelPackage,
    provider: { name: "none", reason: "test pictures" },
    cache: modelCache(modelPackage.manifest, true),
    open: () => Promise.resolve(new TestGeneration(cycle)),
    checkPicture: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

class TestGeneration implements Generation {
  readonly cache = { policy: "window", bytes: as<never>(0), slots: 0, capacity: 0 };
  readonly inspection = { ages: [], frames: 0, ratio: 1, recall: 1, error: 0 };
  readonly #source: PictureSource;
  block = 0;

  constructor(cycle: readonly Uint8Array[]) {
    this.#source = new PictureSource(cycle);
  }

  next(): Promise<GeneratedBlock> {
    const none = as<never>(0);
    return Promise.resolve({
      pictures: [this.#source.draw(this.block++, Date.now())],
      latents: new Float32Array(1),
      timings: { encoder: none, denoise: none, decode: none },
    });
  }

  reset(): Promise<void> {
    return Promise.resolve();
  }

  configureCache(): Promise<void> {
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  recache(): Promise<void> {
    return Promise.resolve();
  }

  snapshot(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(0));
  }

  restore(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
