import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import { parseActionLog } from "../../../src/protocol/action-log.ts";

const ACTIONS = [
  { frame: 0, values: { right: 1 } },
  { frame: 30, values: { right: 0, mood: "wild" } },
];

test("one object, lines with a beginning, and bare lines say the same", () => {
  const beginning = { model: "arcade", seed: 7, frames: 60 };
  const lines = ACTIONS.map((action) => JSON.stringify(action));

  expect(parseActionLog(JSON.stringify({ ...beginning, actions: ACTIONS }))).toEqual({
    ...beginning,
    actions: ACTIONS,
  });
  expect(parseActionLog([JSON.stringify(beginning), ...lines, ""].join("\n"))).toEqual({
    ...beginning,
    actions: ACTIONS,
  });
  expect(parseActionLog(lines.join("\n"))).toEqual({ actions: ACTIONS });
  expect(parseActionLog(lines[0] ?? "")).toEqual({ actions: ACTIONS.slice(0, 1) });
  expect(parseActionLog("")).toEqual({ actions: [] });
});

test("actions come out in the order of their frames, those of one frame as they were written", () => {
  const at = (frame: number, left: number) => ({ frame, values: { left } });
  const log = { actions: [at(9, 1), at(3, 1), at(9, 0)] };

  expect(parseActionLog(JSON.stringify(log)).actions).toEqual([at(3, 1), at(9, 1), at(9, 0)]);
});

test.each([
  ['{"frame":0,"values":{}}\n{', /line 2 is not JSON/],
  ['{"frame":0,"values":{}}\n[]', /line 2 is not an object/],
  ['{"frame":-1,"values":{}}', /actions\.0\.frame/],
  ['{"frame":1}', /actions\.0\.values/],
  ['{"actions":[],"speed":2}', /speed/],
  ['{"seed":1.5}', /seed/],
])("%j is refused, saying where", (text, message) => {
  expect(() => parseActionLog(text)).toThrow(message);
});

test("any text is a log or a refusal with a code", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      try {
        parseActionLog(text);
      } catch (error) {
        expect(StreamError.is(error) && error.code).toBe("bad_request");
      }
    }),
  );
});
