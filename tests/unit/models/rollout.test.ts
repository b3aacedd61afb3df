import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { type Generation, type Model, openModel } from "../../../src/models/model.ts";
import { loadPackage } from "../../../src/models/package.ts";
import {
  largestDistance,
  type Oracle,
  type OracleRollout,
  readOracle,
  TINY_PACKAGES,
  tinyPath,
} from "../../support/oracle.ts";

/** What float32 sums in another order may differ by. */
const TOLERANCE = 1e-5;

describe.each(TINY_PACKAGES)("%s", (name) => {
  const oracle = readOracle(name);
  const controls = controlsOf(oracle);
  let model: Model;
  beforeAll(async () => {
    model = await openModel(await loadPackage(tinyPath(name)), { provider: "cpu" }, systemClock);
  });
  afterAll(() => model.close());

  const open = ({ policy, seed, windowFrames, sinkFrames }: OracleRollout): Promise<Generation> =>
    model.open({ seed, cache: { policy, windowFrames, sinkFrames } });

  it.each(oracle.rollouts)(
    "rolls out like PyTorch without a cache: $policy, $steps steps",
    async (rollout) => {
      const wanted = oracle.floats(rollout.latents);
      const generation = await open(rollout);
      for (const [block, control] of controls.entries()) {
        const { latents } = await generation.next({ control, steps: rollout.steps });
        const at = block * latents.length;
        const distance = largestDistance(latents, wanted.subarray(at, at + latents.length));
        expect(distance, `block ${block}`).toBeLessThan(TOLERANCE);
      }
    },
  );
});

/** One control vector a block. */
function controlsOf(oracle: Oracle): readonly Float32Array[] {
  const [blocks = 0, length = 0] = oracle.control.shape;
  const all = oracle.floats(oracle.control);
  return Array.from({ length: blocks }, (_, i) => all.slice(i * length, (i + 1) * length));
}
