import { describe, expect, it } from "vitest";
import type { SessionModel } from "../../../src/stream/model.ts";
import {
  cacheOptions,
  changeParameters,
  defaultParameters,
} from "../../../src/stream/parameters.ts";

const MODEL: SessionModel = {
  controls: [],
  frameRate: 30,
  framesPerBlock: 4,
  steps: { default: 2, choices: [1, 2, 4] },
  cache: { windowFrames: 24, sinkFrames: 4 },
  starts: ["meadow"],
};
const defaults = defaultParameters(MODEL, 7);

describe("parameters", () => {
  it("are the model's own at first", () => {
    expect(defaults).toEqual({ sound: "none", steps: 2, seed: 7, windowFrames: 24, sinkFrames: 4 });
    expect(cacheOptions(defaults)).toEqual({ policy: "window", windowFrames: 24, sinkFrames: 4 });
  });

  it("change one by one", () => {
    const changed = changeParameters(defaults, { steps: 4, windowFrames: 4 }, MODEL);

    expect(changed).toEqual({ ...defaults, steps: 4, windowFrames: 4 });
    expect(changeParameters(changed, {}, MODEL)).toEqual(changed);
  });

  it.each([
    [{ steps: 3 }, "steps"],
    [{ windowFrames: 3 }, "window_frames"],
    [{ windowFrames: 25 }, "window_frames"],
    [{ sinkFrames: -1 }, "sink_frames"],
    [{ sinkFrames: 5 }, "sink_frames"],
    [{ windowFrames: Number.NaN }, "window_frames"],
  ])("refuse %j, naming it", (change, name) => {
    expect(() => changeParameters(defaults, change, MODEL)).toThrow(
      expect.objectContaining({ code: "bad_parameter", detail: { path: `parameters.${name}` } }),
    );
  });
});
