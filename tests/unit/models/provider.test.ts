import { beforeAll, describe, expect, it } from "vitest";
import { openGraphs } from "../../../src/models/ort/open.ts";
import { planProvider } from "../../../src/models/ort/provider.ts";
import { loadPackage, type ModelPackage } from "../../../src/models/package.ts";
import { tinyPath } from "../../support/oracle.ts";
import { PackageCopy } from "../../support/package-copy.ts";

const CORES = 8;

describe("planProvider", () => {
  it("takes the CPU unless someone knows better", () => {
    const plan = planProvider({ provider: "auto" }, undefined, CORES);
    expect(plan).toMatchObject({ name: "cpu", keepsOnDevice: false });
    expect(plan.reason).toContain("auto");
  });

  it("takes what the package prefers, and says so", () => {
    const plan = planProvider({ provider: "auto" }, { preferred: "webgpu" }, CORES);
    expect(plan).toMatchObject({ name: "webgpu", keepsOnDevice: true });
    expect(plan.reason).toContain("prefers webgpu");
  });

  it("takes what is configured over what the package prefers", () => {
    const plan = planProvider({ provider: "cpu" }, { preferred: "webgpu" }, CORES);
    expect(plan).toMatchObject({ name: "cpu", reason: "configured" });
  });

  it.each([
    [{ intraOpThreads: 3 }, { intraOpThreads: 4 }, CORES, 3],
    [{}, { intraOpThreads: 4 }, CORES, 4],
    [{}, undefined, CORES, 2],
    [{}, { intraOpThreads: 4 }, 1, 1],
  ])(
    "counts threads by configuration, then advice, within the cores: %j, %j, %i",
    (wish, advice, cores, threads) => {
      const { options } = planProvider({ provider: "cpu", ...wish }, advice, cores);
      expect(options.intraOpNumThreads).toBe(threads);
    },
  );

  it.each([
    [undefined, "0"],
    [true, "1"],
  ])("lets threads spin only when asked to: %s", (spinning, wanted) => {
    const { options } = planProvider(
      { provider: "cpu", ...(spinning === undefined ? {} : { spinning }) },
      undefined,
      CORES,
    );
    expect(options.extra).toEqual({ session: { intra_op: { allow_spinning: wanted } } });
  });

  it("keeps sines on the CPU and convolutions in NCHW on WebGPU", () => {
    const nodes = [
      { name: "code/Sin", operator: "Sin" },
      { name: "", operator: "Cos" },
      { name: "first/Conv", operator: "Conv" },
    ];
    const plan = planProvider({ provider: "webgpu" }, undefined, CORES);
    expect(plan.optionsFor(nodes).executionProviders).toEqual([
      { name: "webgpu", preferredLayout: "NCHW", forceCpuNodeNames: ["code/Sin"] },
      "cpu",
    ]);
    expect(plan.options.executionProviders).toEqual([
      { name: "webgpu", preferredLayout: "NCHW" },
      "cpu",
    ]);
  });
});

describe("openGraphs on a machine without a GPU driver", () => {
  let tiny: ModelPackage;
  beforeAll(async () => {
    process.env["VK_ICD_FILENAMES"] = "/nowhere/driver.json";
    tiny = await loadPackage(tinyPath("tiny-fused"));
  });

  it("refuses a configured provider with the reason", async () => {
    await expect(openGraphs(tiny, { provider: "webgpu" })).rejects.toMatchObject({
      code: "provider_unavailable",
      detail: { provider: "webgpu" },
    });
  });

  it("falls back to the CPU where the choice is free, and says why", async () => {
    await using copy = await PackageCopy.of("tiny-fused");
    copy.manifest.provider = { preferred: "webgpu" };
    await copy.save();
    const graphs = await openGraphs(await loadPackage(copy.path), { provider: "auto" });
    expect(graphs.provider.name).toBe("cpu");
    expect(graphs.provider.reason).toContain("webgpu cannot run here");
    await graphs.close();
  });
});
