import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { hostMemory } from "../../../src/models/cache-memory.ts";
import { PackageGeneration } from "../../../src/models/generation.ts";
import type { Graph } from "../../../src/models/graph.ts";
import { type OpenGraphs, openGraphs } from "../../../src/models/ort/open.ts";
import { loadPackage, type ModelPackage } from "../../../src/models/package.ts";
import { Starts } from "../../../src/models/starts.ts";
import { controlsOf, largestDistance, readOracle, tinyPath } from "../../support/oracle.ts";
import { forward, referenceDenoiser } from "../../support/reference/transformer.ts";

const TOLERANCE = 1e-5;

describe("the reference transformer", () => {
  const oracle = readOracle("tiny-entangled");
  let modelPackage: ModelPackage;
  let graphs: OpenGraphs;
  beforeAll(async () => {
    modelPackage = await loadPackage(tinyPath("tiny-entangled"));
    graphs = await openGraphs(modelPackage, { provider: "cpu" });
    return () => graphs.close();
  });

  it("answers what PyTorch answers", () => {
    const { inputs = {}, outputs = {} } = oracle.graphs["denoiser"] ?? {};
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, oracle.floats(tensor)]),
    );
    const answers: Readonly<Record<string, number[]>> = forward(given);
    for (const [name, tensor] of Object.entries(outputs)) {
      const distance = largestDistance(answers[name] ?? [], oracle.floats(tensor));
      expect(distance, name).toBeLessThan(TOLERANCE);
    }
  });

  it("rolls out with the same sampler and cache to what the graph rolls out to", async () => {
    const rollout = oracle.rollouts.find(({ policy, steps }) => policy === "window" && steps === 2);
    if (rollout === undefined) throw new Error("the oracle lost its rollout");
    const { seed, policy, windowFrames, sinkFrames } = rollout;
    const open = (denoiser: Graph): Promise<PackageGeneration> =>
      PackageGeneration.open(
        {
          modelPackage,
          graphs: (role) => (role === "denoiser" ? denoiser : graphs.graph(role)),
          memory: hostMemory,
          starts: new Starts(modelPackage, graphs.graph),
          clock: systemClock,
        },
        { seed, cache: { policy, windowFrames, sinkFrames } },
      );
    const reference = await open(referenceDenoiser);
    const graph = await open(graphs.graph("denoiser"));
    for (const control of controlsOf(oracle).slice(0, 6)) {
      const wanted = await reference.next({ control, steps: 2 });
      const { latents } = await graph.next({ control, steps: 2 });
      expect(largestDistance(latents, wanted.latents)).toBeLessThan(TOLERANCE);
    }
    expect(graph.cache.slots).toBe((windowFrames + sinkFrames) * 4);
  });
});
