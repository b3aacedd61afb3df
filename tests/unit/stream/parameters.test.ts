import { describe, expect, it } from "vitest";
import type { SessionModel } from "../../../src/stream/model.ts";
import { changeParameters, defaultParameters } from "../../../src/stream/parameters.ts";

const MODEL: SessionModel = {
  controls: [],
  frameRate: 30,
  framesPerBlock: 4,
  steps: { default: 2, choices: [1, 2, 4] },
  cache: {
    allowance: {
      framesPerBlock: 4,
      tokensPerFrame: 4,
      windowFrames: 24,
      sinkFrames: 4,
      mostSlots: 112,
      groupFrames: 4,
      compressors: [],
      isState: false,
      isHost: true,
      hashes: false,
    },
    initial: { policy: "window", windowFrames: 24, sinkFrames: 4 },
  },
  starts: ["meadow"],
};
const defaults = defaultParameters(MODEL, 7);

describe("parameters", () => {
  it("are the model's own at first", () => {
    expect(defaults).toEqual({ sound: "none", steps: 2, seed: 7, cache: MODEL.cache.initial });
  });

  it("change one by one", () => {
    const changed = changeParameters(defaults, { steps: 4, cache: { windowFrames: 4 } }, MODEL);

    expect(changed).toEqual({
      ...defaults,
      steps: 4,
      cache: { ...defaults.cache, windowFrames: 4 },
    });
    expect(changeParameters(changed, {}, MODEL)).toEqual(changed);
    expect(changeParameters(changed, { cache: { windowFrames: undefined } }, MODEL)).toEqual(
      changed,
    );
  });

  it("let the cache be whatever the model's can be, and no more", () => {
    const smaller = changeParameters(defaults, { cache: { windowFrames: 8 } }, MODEL);
    const merged = changeParameters(smaller, { cache: { policy: "tempcache" } }, MODEL);
    expect(merged.cache).toEqual({ policy: "tempcache", windowFrames: 8, sinkFrames: 4 });
    expect(() => changeParameters(merged, { cache: { windowFrames: 24 } }, MODEL)).toThrow(
      expect.objectContaining({ code: "bad_parameter", detail: { path: "cache.windowFrames" } }),
    );
  });

  it.each([
    [{ steps: 3 }, "parameters.steps"],
    [{ cache: { windowFrames: 3 } }, "cache.windowFrames"],
    [{ cache: { windowFrames: 25 } }, "cache.windowFrames"],
    [{ cache: { sinkFrames: -1 } }, "cache.sinkFrames"],
    [{ cache: { sinkFrames: 5 } }, "cache.sinkFrames"],
    [{ cache: { windowFrames: Number.NaN } }, "cache.windowFrames"],
  ])("refuse %j, naming it", (change, path) => {
    expect(() => changeParameters(defaults, change, MODEL)).toThrow(
      expect.objectContaining({ code: "bad_parameter", detail: { path } }),
    );
  });
});
