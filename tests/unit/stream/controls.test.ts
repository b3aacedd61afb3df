import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control, ControlValues } from "../../../src/core/controls.ts";
import { ControlState } from "../../../src/stream/controls.ts";

const CONTROLS: readonly Control[] = [
  { name: "jump", kind: "button", title: "Jump", merge: "hold", default: 0 },
  { name: "lamp", kind: "button", title: "Lamp", merge: "latest", default: 1 },
  { name: "turn", kind: "axis", title: "Turn", merge: "accumulate", range: [-1, 2], default: 0 },
  { name: "speed", kind: "axis", title: "Speed", merge: "hold", range: [0, 10], default: 5 },
  {
    name: "mood",
    kind: "choice",
    title: "Mood",
    merge: "latest",
    options: ["calm", "wild"],
    default: "calm",
  },
];

/** The sampled vector by name. */
function sampled(state: ControlState) {
  const { vector } = state.sample();
  const [jump, lamp, turn, speed, calm, wild] = vector;
  return { jump, lamp, turn, speed, mood: [calm, wild] };
}

const value: fc.Arbitrary<ControlValues> = fc.oneof(
  fc.record({ jump: fc.constantFrom(0, 1) }),
  fc.record({ lamp: fc.constantFrom(0, 1) }),
  fc.record({ turn: fc.integer({ min: -4, max: 8 }).map((n) => n / 4) }),
  fc.record({ speed: fc.integer({ min: 0, max: 10 }) }),
  fc.record({ mood: fc.constantFrom("calm", "wild") }),
  fc.record({ jump: fc.constantFrom(0, 1), speed: fc.integer({ min: 0, max: 10 }) }),
);

describe("the control state", () => {
  it("is every control's default at first", () => {
    const state = new ControlState(CONTROLS);

    expect(state.epoch).toBe(0);
    expect(sampled(state)).toEqual({ jump: 0, lamp: 1, turn: 0, speed: 5, mood: [1, 0] });
  });

  it("holds a pressed button until it is let go", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ jump: 1 });

    expect([sampled(state).jump, sampled(state).jump]).toEqual([1, 1]);
    state.accept({ jump: 0 });
    expect(sampled(state).jump).toBe(0);
  });

  it("shows a button that was pressed and let go between two samples in exactly one", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ jump: 1 });
    state.accept({ jump: 0 });

    expect([sampled(state).jump, sampled(state).jump]).toEqual([1, 0]);
  });

  it("does not remember a press of a control whose rule is `latest`", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ lamp: 0 });
    state.accept({ lamp: 1 });

    expect(sampled(state).lamp).toBe(1);
  });

  it("lets everything go at once", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ jump: 1, speed: 9, mood: "wild", turn: 1 });
    state.release();

    expect(sampled(state)).toEqual({ jump: 0, lamp: 1, turn: 0, speed: 5, mood: [1, 0] });
  });

  it.each([
    [{ nothing: 1 }, "unknown_control"],
    [{ jump: 2 }, "bad_control"],
    [{ jump: "1" }, "bad_control"],
    [{ speed: 11 }, "bad_control"],
    [{ speed: Number.NaN }, "bad_control"],
    [{ speed: "fast" }, "bad_control"],
    [{ mood: "angry" }, "bad_control"],
    [{ mood: 0 }, "bad_control"],
    [{ toString: 1 }, "unknown_control"],
  ])("refuses %j whole and stays as it was", (bad, code) => {
    const state = new ControlState(CONTROLS);

    expect(() => state.accept({ jump: 1, ...bad })).toThrow(expect.objectContaining({ code }));
    expect(state.epoch).toBe(0);
    expect(sampled(state).jump).toBe(0);
  });

  it("never leaves the bounds, whatever is accumulated", () => {
    fc.assert(
      fc.property(fc.array(value), (changes) => {
        const state = new ControlState(CONTROLS);
        for (const change of changes) state.accept(change);
        const { turn = 0, jump, mood } = sampled(state);

        expect(turn).toBeGreaterThanOrEqual(-1);
        expect(turn).toBeLessThanOrEqual(2);
        expect([0, 1]).toContain(jump);
        expect(mood.toSorted()).toEqual([0, 1]);
      }),
    );
  });

  it("equals a plain fold of the changes, however they are cut into samples", () => {
    const cut = fc.constant("sample" as const);
    fc.assert(
      fc.property(fc.array(fc.oneof(value, cut)), (steps) => {
        const state = new ControlState(CONTROLS);
        const held: Record<string, unknown> = { jump: 0, lamp: 1, speed: 5, mood: "calm" };
        let turn = 0;
        let tapped = false;
        for (const step of [...steps, "sample" as const]) {
          if (step !== "sample") {
            state.accept(step);
            const { turn: more, ...others } = step;
            Object.assign(held, others);
            tapped ||= step["jump"] === 1;
            turn = Math.min(2, Math.max(-1, turn + Number(more ?? 0)));
            continue;
          }
          const { mood, ...numbers } = held;
          expect(sampled(state)).toEqual({
            ...numbers,
            jump: tapped || held["jump"] === 1 ? 1 : 0,
            turn,
            mood: mood === "calm" ? [1, 0] : [0, 1],
          });
          turn = 0;
          tapped = false;
        }
      }),
    );
  });
});

describe("the changes of the control state", () => {
  it("each raise the epoch", () => {
    const state = new ControlState(CONTROLS);

    expect(state.accept({ jump: 1 }).epoch).toBe(1);
    expect(state.note("reset")).toBe(2);
    expect(state.accept({ jump: 0 }).epoch).toBe(3);
    expect(state.sample().epoch).toBe(3);
  });

  it("are named by the first sample that shows them, once", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ jump: 1 }, "a");
    state.accept({ speed: 3 }, "b");
    state.note("c");

    expect(state.sample().eventIds).toEqual(["a", "b", "c"]);
    expect(state.sample().eventIds).toEqual([]);
  });

  it("are superseded when a later one replaces all they said before any sample", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ speed: 3, mood: "wild" }, "both");
    expect(state.accept({ speed: 4 }, "speed").superseded).toEqual([]);
    expect(state.accept({ mood: "calm" }, "mood").superseded).toEqual(["both"]);

    expect(state.sample().eventIds).toEqual(["speed", "mood"]);
  });

  it("are not superseded by a release that the next sample still shows as a press", () => {
    const state = new ControlState(CONTROLS);
    state.accept({ jump: 1 }, "press");

    expect(state.accept({ jump: 0 }, "release").superseded).toEqual([]);
    expect(state.sample().eventIds).toEqual(["press", "release"]);
  });

  it("are each named exactly once, as shown or as superseded", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(value, fc.constant("sample" as const))), (steps) => {
        const state = new ControlState(CONTROLS);
        const named: string[] = [];
        let given = 0;
        for (const step of steps) {
          if (step === "sample") named.push(...state.sample().eventIds);
          else named.push(...state.accept(step, `e${given++}`).superseded);
        }
        named.push(...state.sample().eventIds);

        expect(named.toSorted()).toEqual(
          Array.from({ length: given }, (_, i) => `e${i}`).toSorted(),
        );
      }),
    );
  });

  it("are named only so far when nobody samples, and all are accepted", () => {
    const state = new ControlState(CONTROLS);
    for (let i = 0; i < 5_000; i++) state.accept({ turn: 0.001 }, `e${i}`);

    const { eventIds, epoch } = state.sample();
    expect(eventIds).toHaveLength(1024);
    expect(epoch).toBe(5_000);
  });
});
