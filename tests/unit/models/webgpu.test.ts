import { existsSync } from "node:fs";
import { describe } from "vitest";
import { describeModels } from "../../support/model-suite.ts";

/** A Vulkan driver that needs no device; Debian's Chromium brings it. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
process.env["VK_ICD_FILENAMES"] ??= SWIFTSHADER;

/** Enough for every package to evict. */
const BLOCKS = 7;

/** A driver in software takes its time. */
const options = { timeout: 300_000 };

describe.skipIf(!existsSync(process.env["VK_ICD_FILENAMES"]))("on WebGPU", options, () =>
  describeModels({ provider: "webgpu" }, BLOCKS),
);
