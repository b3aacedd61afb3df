import { beforeEach, expect, test, vi } from "vitest";
import { ControlPad } from "../../../clients/web/control-pad.ts";
import type { Control, ControlValues } from "../../../src/core/controls.ts";

const CONTROLS: readonly Control[] = [
  { kind: "button", name: "jump", title: "Jump", merge: "hold", default: 0 },
  { kind: "axis", name: "turn", title: "Turn", merge: "accumulate", range: [-1, 1], default: 0 },
  {
    kind: "choice",
    name: "mood",
    title: "Mood",
    merge: "latest",
    options: ["calm", "wild"],
    default: "calm",
  },
];

let sent: ControlValues[];
let pad: ControlPad;

beforeEach(() => {
  sent = [];
  pad = new ControlPad(CONTROLS, (values) => sent.push(values));
});

test("changes of one turn leave as one message, once each", async () => {
  pad.set("jump", 1);
  pad.set("jump", 1);
  pad.set("mood", "wild");
  expect(sent).toEqual([]);
  await vi.waitFor(() => {
    expect(sent).toEqual([{ jump: 1, mood: "wild" }]);
  });
});

test("a value that is held already is not sent again", async () => {
  pad.set("jump", 0);
  pad.set("mood", "wild");
  await vi.waitFor(() => {
    expect(sent).toEqual([{ mood: "wild" }]);
  });
});

test("motions are summed inside the range", async () => {
  pad.set("turn", 0.7);
  pad.set("turn", 0.7);
  pad.set("turn", -0.2);
  await vi.waitFor(() => {
    expect(sent).toEqual([{ turn: 0.8 }]);
  });
});

test("letting go sends what was away from its default, and resending sends all that is held", async () => {
  pad.set("jump", 1);
  await vi.waitFor(() => {
    expect(sent).toHaveLength(1);
  });
  pad.resend();
  expect(sent[1]).toEqual({ jump: 1, mood: "calm" });
  pad.release();
  await vi.waitFor(() => {
    expect(sent[2]).toEqual({ jump: 0 });
  });
  expect(pad.get("jump")).toBe(0);
});

test.each([
  ["run", 1, "unknown_control"],
  ["jump", 0.5, "bad_control"],
  ["turn", 1.5, "bad_control"],
  ["mood", "sleepy", "bad_control"],
])("refuses %s = %s with %s and sends nothing", async (name, value, code) => {
  expect(() => {
    pad.set(name, value);
  }).toThrow(expect.objectContaining({ code }));
  pad.set("jump", 1);
  await vi.waitFor(() => {
    expect(sent).toEqual([{ jump: 1 }]);
  });
});
