import { beforeEach, expect, test } from "vitest";
import {
  keyActions,
  keyCap,
  motionBindings,
  touchLayout,
} from "../../../clients/console/input/bindings.ts";
import { readPart } from "../../../clients/console/input/gamepad.ts";
import { Mixer } from "../../../clients/console/input/mixer.ts";
import type { ButtonControl, Control, ControlValue } from "../../../src/core/controls.ts";

const button = (name: string, bindings?: ButtonControl["bindings"]): ButtonControl => ({
  kind: "button",
  name,
  title: name,
  merge: "hold",
  default: 0,
  ...(bindings && { bindings }),
});
const WALK: Control = {
  kind: "axis",
  name: "walk",
  title: "Walk",
  merge: "latest",
  range: [-1, 1],
  default: 0,
  bindings: { keyboard: ["KeyQ", "KeyE"], keyValues: { KeyQ: -1, KeyE: 1 } },
};
const TURN: Control = {
  kind: "axis",
  name: "turn",
  title: "Turn",
  merge: "accumulate",
  range: [-0.5, 0.5],
  default: 0,
  bindings: { mouse: "dx", scale: 0.02 },
};

test("a control's own keys win over what its name tells, and one key may drive several controls", () => {
  const actions = keyActions([
    button("jump", { keyboard: ["KeyX"] }),
    button("fire", { keyboard: ["KeyX"] }),
  ]);
  expect([...actions.keys()]).toEqual(["KeyX"]);
  expect(actions.get("KeyX")).toEqual([
    { control: "jump", value: 1 },
    { control: "fire", value: 1 },
  ]);
  expect([...keyActions([button("left")]).keys()]).toEqual(["ArrowLeft", "KeyA"]);
});

test("keys of an axis have the values the model says", () => {
  expect(keyActions([WALK]).get("KeyQ")).toEqual([{ control: "walk", value: -1 }]);
  expect(["KeyQ", "Space", "ArrowUp", "Digit1"].map(keyCap)).toEqual(["Q", "Space", "↑", "1"]);
});

test("a touch screen has a pad for directions and the primary action first", () => {
  const layout = touchLayout([
    button("left"),
    button("right"),
    button("duck"),
    button("jump"),
    WALK,
  ]);
  expect(Object.keys(layout.pad)).toEqual(["left", "right"]);
  expect(layout.actions.map(({ name }) => name)).toEqual(["jump", "duck"]);
});

test("mouse motion drives the axes that ask for it", () => {
  expect(motionBindings([WALK, TURN])).toEqual([
    { control: "turn", direction: "dx", scale: 0.02, range: [-0.5, 0.5] },
  ]);
});

test("reads buttons, halves of sticks and whole sticks by their place", () => {
  const buttons = Array.from({ length: 16 }, (_, i) => ({
    pressed: i === 0,
    value: i === 0 ? 1 : 0,
  }));
  const pad = { axes: [-0.8, 0.1, 0.05, 0.9], buttons };
  expect(readPart(pad, "south")).toBe(1);
  expect(readPart(pad, "dpad-left")).toBe(0);
  expect(readPart(pad, "stick-left")).toBeCloseTo(0.8);
  expect(readPart(pad, "stick-right")).toBe(0);
  expect(readPart(pad, "look-x")).toBe(0);
  expect(readPart(pad, "look-y")).toBe(0.9);
  expect(readPart(pad, "pedal")).toBe(0);
});

const MOOD: Control = {
  kind: "choice",
  name: "mood",
  title: "Mood",
  merge: "latest",
  options: ["calm", "wild", "odd"],
  default: "calm",
};

let moves: [string, ControlValue][];
let mixer: Mixer;

beforeEach(() => {
  moves = [];
  mixer = new Mixer([button("jump"), WALK, TURN, MOOD], (name, value) => moves.push([name, value]));
});

test("a button is down while anyone holds it", () => {
  mixer.hold("key", "jump", 1);
  mixer.hold("finger", "jump", 1);
  mixer.letGo("key", "jump");
  expect(moves.at(-1)).toEqual(["jump", 1]);
  mixer.letGo("finger", "jump");
  expect(moves.at(-1)).toEqual(["jump", 0]);
});

test("an axis is the sum of all hands inside its range", () => {
  mixer.hold("q", "walk", -1);
  mixer.hold("stick", "walk", -0.5);
  expect(moves.at(-1)).toEqual(["walk", -1]);
  mixer.hold("e", "walk", 1);
  expect(moves.at(-1)).toEqual(["walk", -0.5]);
});

test("a source lets go of everything it holds, and everyone does when the window loses the keyboard", () => {
  mixer.hold("gamepad", "jump", 1);
  mixer.hold("gamepad", "walk", 1);
  mixer.hold("key", "walk", -0.5);
  mixer.letGoOf("gamepad");
  expect(moves.slice(-2)).toEqual([
    ["jump", 0],
    ["walk", -0.5],
  ]);
  mixer.releaseAll();
  expect(moves.at(-1)).toEqual(["walk", 0]);
});

test("a choice stays as it was chosen last, whoever chose it and whatever is let go", () => {
  mixer.hold("panel", "mood", "wild");
  mixer.hold("key", "mood", "odd");
  mixer.letGo("key", "mood");
  mixer.releaseAll();
  mixer.hold("panel", "mood", "calm");
  expect(moves).toEqual([
    ["mood", "wild"],
    ["mood", "odd"],
    ["mood", "calm"],
  ]);
});

test("a held accumulating control moves with every frame, a let-go one does not", () => {
  mixer.hold("stick", "turn", 0.9);
  expect(moves).toEqual([]);
  mixer.pulse();
  mixer.pulse();
  expect(moves).toEqual([
    ["turn", 0.5],
    ["turn", 0.5],
  ]);
  mixer.letGo("stick", "turn");
  mixer.pulse();
  expect(moves).toHaveLength(2);
});
