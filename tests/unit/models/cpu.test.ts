import { describe } from "vitest";
import { describeModels } from "../../support/model-suite.ts";

describe("on the CPU", () => describeModels({ provider: "cpu" }));
