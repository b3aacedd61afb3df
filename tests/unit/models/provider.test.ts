import { beforeAll, describe, expect, it } from "vitest";
import { openGraphs } from "../../../src/models/ort/open.ts";
import { hasVnni } from "../../../src/models/ort/processor.ts";
import { planProvider } from "../../../src/models/ort/provider.ts";
import { loadPackage, type ModelPackage } from "../../../src/models/package.ts";
import { tinyPath } from "../../support/oracle.ts";
import { PackageCopy } from "../../support/package-copy.ts";

const PROCESSOR = { cores: 8, exactInt8: true };

describe("planProvider", () => {
  it("takes the CPU unless someone knows better", () => {
    const plan = planProvider({ provider: "auto" }, undefined, PROCESSOR);
    expect(plan).toMatchObject({ name: "cpu", keepsOnDevice: false });
    expect(plan.reason).toContain("auto");
  });

  it("takes what the package prefers, and says so", () => {
    const plan = planProvider({ provider: "auto" }, { preferred: "webgpu" }, PROCESSOR);
    expect(plan).toMatchObject({ name: "webgpu", keepsOnDevice: true });
    expect(plan.reason).toContain("prefers webgpu");
  });

  it("takes what is configured over what the package prefers", () => {
    const plan = planProvider({ provider: "cpu" }, { preferred: "webgpu" }, PROCESSOR);
    expect(plan).toMatchObject({ name: "cpu", reason: "configured" });
  });

  it.each([
    [{ intraOpThreads: 3 }, { intraOpThreads: 4 }, 8, 3],
    [{}, { intraOpThreads: 4 }, 8, 4],
    [{}, undefined, 8, 2],
    [{}, { intraOpThreads: 4 }, 1, 1],
  ])(
    "counts threads by configuration, then advice, within the cores: %j, %j, %i",
    (wish, advice, cores, threads) => {
      const { options } = planProvider({ provider: "cpu", ...wish }, advice, {
        cores,
        exactInt8: true,
      });
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
      PROCESSOR,
    );
    expect(options.extra).toMatchObject({ session: { intra_op: { allow_spinning: wanted } } });
  });

  it.each([
    [true, "0"],
    [false, "1"],
  ])("lets no int8 product overflow: exact %s", (exactInt8, wanted) => {
    const { options } = planProvider({ provider: "cpu" }, undefined, { cores: 2, exactInt8 });
    expect(options.extra).toMatchObject({ session: { x64quantprecision: wanted } });
  });

  it.each([
    ["flags : fpu sse avx2 avx512f avx512_vnni avx512_bitalg", true],
    ["flags : fpu sse avx2 avx_vnni", true],
    ["flags : fpu sse avx2 avx512f", false],
    ["", false],
  ])("knows by a processor's flags whether it has such products: %s", (flags, wanted) => {
    expect(hasVnni(flags)).toBe(wanted);
  });

  it("keeps sines on the CPU and convolutions in NCHW on WebGPU", () => {
    const nodes = [
      { name: "code/Sin", operator: "Sin" },
      { name: "", operator: "Cos" },
      { name: "first/Conv", operator: "Conv" },
    ];
    const plan = planProvider({ provider: "webgpu" }, undefined, PROCESSOR);
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
