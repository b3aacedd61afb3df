import { expect, test } from "vitest";
import { fieldsOf } from "../../../clients/console/fields.ts";
import { bytes, clockTime, milliseconds, quantity } from "../../../clients/console/format.ts";
import { shownSize } from "../../../clients/console/picture-size.ts";
import { mediaWishes } from "../../../clients/console/wishes.ts";
import { describeEnd, describeError } from "../../../clients/console/words.ts";
import type { ModelSummary, ParametersSchema } from "../../../clients/web/index.ts";
import { StreamError } from "../../../src/core/errors.ts";
import { CLOSE } from "../../../src/protocol/close-codes.ts";
import { liveParametersSchema } from "../../../src/protocol/messages.ts";

const MODEL: ModelSummary = {
  id: "m",
  version: "1.0.0",
  title: "M",
  description: "",
  licence: "MIT",
  cover: null,
  video: { width: 128, height: 128, frame_rate: 30, scaling: "nearest" },
  frames_per_block: 1,
  steps: { default: 2, choices: [1, 2, 4] },
  cache: {
    window_frames: 16,
    sink_frames: 1,
    tokens_per_frame: 64,
    most_slots: 1088,
    open_slots: false,
    group_frames: 4,
    compressors: [],
    policies: ["window", "full", "tempcache", "thin"],
    storages: ["float32", "int8"],
    attentions: ["dense"],
    initial: {
      policy: "tempcache",
      window_frames: 8,
      sink_frames: 1,
      memory_slots: 512,
      threshold: 0.9,
      match: "layer",
      kernel: "mean",
      grouping: "temporal",
      every: 8,
      storage: "float32",
      attention: "dense",
    },
  },
  controls: [],
  starts: [],
  speech: null,
};
const schema = liveParametersSchema() as unknown as ParametersSchema;

test("the form is made of the protocol's own schema, inside what the model was built for", () => {
  const fields = fieldsOf(schema, MODEL);
  expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
    ["steps", "choices"],
    ["seed", "number"],
    ["sound", "choices"],
  ]);
  expect(fields[0]).toMatchObject({ options: [1, 2, 4], title: "Denoising steps" });
  expect(fields[2]).toMatchObject({ options: ["none", "voice", "test"], title: "Sound" });
});

test("what cannot be changed is not in the form", () => {
  const fixed = {
    ...MODEL,
    steps: { default: 1, choices: [1] },
  };
  expect(fieldsOf(schema, fixed).map(({ name }) => name)).toEqual(["seed", "sound"]);
});

test.each([
  [{ width: 1000, height: 700 }, 1, 640],
  [{ width: 1000, height: 768 }, 1, 768],
  [{ width: 390, height: 400 }, 2, 384],
  [{ width: 250, height: 900 }, 1, 250],
  [{ width: 60, height: 60 }, 1, 60],
])("pixels with hard edges in %o at density %d are shown %d wide", (room, density, width) => {
  expect(
    shownSize({ width: 128, height: 128, scaling: "nearest" }, room, density).width,
  ).toBeCloseTo(width);
});

test("smooth pictures fill the room", () => {
  const shown = shownSize(
    { width: 1280, height: 720, scaling: "smooth" },
    { width: 1000, height: 1000 },
    1,
  );
  expect(shown).toEqual({ width: 1000, height: 562.5 });
});

test("the page's address may ask for a codec, a bitrate and markers; nonsense asks for nothing", () => {
  expect(mediaWishes("?codec=vp8&bitrate=500000&markers")).toEqual({
    codecs: ["vp8"],
    bitrate: 500_000,
    markers: true,
  });
  expect(mediaWishes("?codec=mpeg2&bitrate=much")).toEqual({});
});

test("numbers read as people write them", () => {
  expect(milliseconds(7.31)).toEqual({ value: "7.3", unit: "ms" });
  expect(milliseconds(undefined).value).toBe("–");
  expect(bytes(1_210_000)).toEqual({ value: "1.2", unit: "MB" });
  expect(quantity(1, "frames")).toBe("1 frame");
  expect(quantity(2, "frames")).toBe("2 frames");
  expect(clockTime(61_000)).toBe("1:01");
});

test("every way a session can end for good is told in words, without a bare code", () => {
  const codes: number[] = [
    CLOSE.done,
    CLOSE.protocol,
    CLOSE.tryLater,
    CLOSE.sessionEnded,
    CLOSE.idle,
  ];
  codes.push(CLOSE.timeLimit, CLOSE.replaced, CLOSE.modelLost, CLOSE.goingAway, CLOSE.internal);
  for (const code of codes) {
    expect(describeEnd(code, false).advice).not.toContain(String(code));
  }
  expect(describeEnd(1006, true).title).toBe("The connection is lost");
  expect(describeError(new StreamError("session_limit", "full")).title).toBe("All seats are taken");
  expect(describeError(new StreamError("internal", "it broke")).advice).toBe("it broke.");
});
