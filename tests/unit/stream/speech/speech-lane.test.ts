import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StreamError } from "../../../../src/core/errors.ts";
import { as } from "../../../../src/core/units.ts";
import type { SpeechEvent } from "../../../../src/stream/events.ts";
import { SpeechLane } from "../../../../src/stream/speech/speech-lane.ts";

const FRAME = 640;
const BLOCK = 2 * FRAME;
const LOOK_AHEAD = 1;
const FRAME_MICROS = 40_000;

let life: AbortController;
let events: SpeechEvent[];
let active: number;
let lane: SpeechLane;
beforeEach(() => {
  life = new AbortController();
  events = [];
  active = 0;
  lane = new SpeechLane({
    shape: {
      framesPerBlock: 2,
      frameSamples: FRAME,
      windowFrames: 3,
      lookAheadFrames: LOOK_AHEAD,
      features: 5,
    },
    emit: (event) => events.push(event),
    active: () => {
      active += 1;
    },
    signal: life.signal,
  });
});
afterEach(() => {
  life.abort();
});

/** `count` samples that count up from `first`; each is another number. */
const counted = (count: number, first = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => first + i);
const silence = (count: number): number[] => Array.from({ length: count }, () => 0);

/** A text whose sound is there at once, in parts. */
async function* said(...parts: Float32Array[]): AsyncGenerator<Float32Array> {
  for (const part of parts) yield await Promise.resolve(part);
}

/** Let the sources bring what they can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Make `count` blocks and show them; what the model was given. */
async function play(count: number): Promise<number[]> {
  const given: number[] = [];
  for (let block = 0; block < count; block++) {
    await settle();
    given.push(...lane.take().speech.samples);
    shown += 2;
    lane.passed(as((shown - 1) * FRAME_MICROS));
  }
  return given;
}
let shown = 0;
beforeEach(() => {
  shown = 0;
});

const told = (): string[] =>
  events.map((event) => {
    const name = `${event.type} ${event.utterance.id}`;
    if (event.type === "speech-failed") return `${name} ${event.error.code}`;
    const frame = event.at / FRAME_MICROS;
    if (event.type === "speech-started") return `${name} frame ${frame}`;
    return `${name} frame ${frame} played ${event.played}${event.interrupted ? " interrupted" : ""}`;
  });

describe("a speech lane", () => {
  it("gives silence where nothing is said, and tells nothing", async () => {
    expect(await play(2)).toEqual(silence(2 * BLOCK));
    expect([events, active]).toEqual([[], 0]);
  });

  it("says a text sample by sample, and tells when it is heard: look-ahead later", async () => {
    lane.say(() => said(counted(BLOCK), counted(FRAME, BLOCK + 1)), "e1");
    const given = await play(3);
    expect(given).toEqual([...counted(BLOCK + FRAME), ...silence(BLOCK + FRAME)]);
    expect(told()).toEqual(["speech-started u1 frame 1", "speech-finished u1 frame 4 played 120"]);
    expect(events[0]?.utterance).toEqual({ id: "u1", source: "text", eventId: "e1" });
  });

  it("says one thing after the other, with nothing between them", async () => {
    lane.say(() => said(counted(100)));
    lane.say(() => said(counted(100, 101)));
    lane.append(counted(50, 201));
    lane.commit();
    expect((await play(1)).slice(0, 251)).toEqual([...counted(250), 0]);
    expect(told().slice(0, 1)).toEqual(["speech-started u1 frame 1"]);
    await play(1);
    expect(told().filter((line) => line.includes("finished"))).toHaveLength(3);
  });

  it("waits for whole blocks of a sound that is still coming, and for the rest when it is whole", async () => {
    lane.append(counted(BLOCK));
    lane.append(counted(BLOCK - 1, BLOCK + 1));
    expect(await play(1)).toEqual([...counted(BLOCK)]);
    expect(await play(1)).toEqual(silence(BLOCK));
    lane.append(counted(10, 2 * BLOCK));
    expect(await play(1)).toEqual([...counted(BLOCK, BLOCK + 1)]);
    expect(await play(1)).toEqual(silence(BLOCK));
    lane.commit();
    expect((await play(1)).slice(0, 10)).toEqual([...counted(9, 2 * BLOCK + 1), 0]);
    await play(1);
    expect(told().at(-1)).toMatch(/finished u1 .*played 160\.5/);
  });

  it("throws away what waits when it is cleared, and tells how much was heard", async () => {
    lane.append(counted(10 * BLOCK));
    lane.say(() => said(counted(BLOCK)));
    await play(2);
    lane.clear("c1");
    await settle();
    const { speech, cleared } = lane.take();
    expect([speech.cut, cleared]).toEqual([true, ["c1"]]);
    expect([...speech.samples]).toEqual(silence(BLOCK));
    expect(lane.take()).toEqual({ speech: { samples: new Float32Array(BLOCK), cut: false } });
    lane.passed(as(4 * FRAME_MICROS));
    // Four frames were given, and the last of them was not heard yet.
    expect(told()).toEqual([
      "speech-started u1 frame 1",
      "speech-finished u1 frame 4 played 120 interrupted",
      "speech-finished u2 frame 4 played 0 interrupted",
    ]);
  });

  it("says what comes after it was cleared, from the same block on", async () => {
    lane.say(() => said(counted(4 * BLOCK)));
    await play(1);
    lane.clear();
    lane.say(() => said(counted(BLOCK, 7)));
    expect(await play(1)).toEqual([...counted(BLOCK, 7)]);
    await play(2);
    expect(told()).toContain("speech-finished u2 frame 5 played 80");
  });

  it("tells of an end that was heard before it was cleared as of any", async () => {
    lane.say(() => said(counted(FRAME)));
    await play(1);
    lane.clear();
    await play(1);
    expect(told().at(-1)).toBe("speech-finished u1 frame 2 played 40");
  });

  it("ends a text that is being made when it is cleared", async () => {
    let ended = false;
    lane.say(async function* (signal) {
      signal.addEventListener("abort", () => {
        ended = true;
      });
      yield counted(10);
      await new Promise(() => undefined);
    });
    await settle();
    lane.clear();
    expect(ended).toBe(true);
  });

  it("forgets only what is being appended when that is asked", async () => {
    lane.say(() => said(counted(BLOCK)));
    lane.append(counted(BLOCK, 5));
    await settle();
    lane.forgetAppended();
    expect(await play(2)).toEqual([...counted(BLOCK), ...silence(BLOCK)]);
    await play(1);
    expect(told().filter((line) => line.includes("finished"))).toEqual([
      "speech-finished u2 frame 1 played 0 interrupted",
      "speech-finished u1 frame 3 played 80",
    ]);
  });

  it("refuses a sound that would be heard too late, and takes it when there is room", async () => {
    lane.append(counted(60 * 16_000));
    const refusal = { code: "speech_overflow", detail: { limit: "seconds", most: 60 } };
    expect(() => lane.requireRoom()).toThrow(expect.objectContaining(refusal));
    await play(1);
    lane.requireRoom();
    lane.append(counted(BLOCK));
    expect(() => lane.requireRoom()).toThrow(expect.objectContaining(refusal));
    lane.clear();
    lane.requireRoom();
  });

  it("refuses more utterances than may wait", () => {
    for (let i = 0; i < 16; i++) lane.say(() => said(counted(10)));
    expect(() => lane.say(() => said())).toThrow(
      expect.objectContaining({
        code: "speech_overflow",
        detail: { limit: "utterances", most: 16 },
      }),
    );
  });

  it("has a text made no further ahead than five seconds", async () => {
    let made = 0;
    lane.say(async function* () {
      for (; made < 100; made++) yield await Promise.resolve(counted(16_000));
    });
    for (let i = 0; i < 20; i++) await settle();
    expect(made).toBe(6);
    await play(13);
    await settle();
    expect(made).toBe(7);
  });

  it("tells why something cannot be said, ends it, and goes on with the next", async () => {
    lane.say(async function* () {
      yield await Promise.resolve(counted(10));
      throw new StreamError("speech_failed", "no more breath");
    });
    lane.say(() => said(counted(10, 11)));
    expect((await play(2)).slice(0, 21)).toEqual([...counted(20), 0]);
    await play(1);
    expect(told()).toContain("speech-failed u1 speech_failed");
    expect(told().filter((line) => line.includes("finished"))).toHaveLength(2);
  });

  it("makes nothing after its end", async () => {
    life.abort();
    lane.say(() => said(counted(BLOCK)));
    expect(await play(1)).toEqual(silence(BLOCK));
  });

  it("loses and doubles no sample, however sounds come in", async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("append" as const),
        count: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({ kind: fc.constant("commit" as const) }),
      fc.record({ kind: fc.constant("play" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const fresh = new SpeechLane({
          shape: {
            framesPerBlock: 2,
            frameSamples: FRAME,
            windowFrames: 3,
            lookAheadFrames: LOOK_AHEAD,
            features: 5,
          },
          emit: () => undefined,
          active: () => undefined,
          signal: life.signal,
        });
        const given: number[] = [];
        let next = 1;
        const take = async () => {
          await settle();
          given.push(...fresh.take().speech.samples);
          fresh.passed(as(given.length * 100));
        };
        for (const { kind, ...rest } of steps) {
          if (kind === "play") await take();
          else if (kind === "commit") fresh.commit();
          else {
            const { count = 0 } = rest as { count?: number };
            fresh.append(counted(count, next));
            next += count;
          }
        }
        fresh.commit();
        for (let i = 0; i < 100; i++) await take();
        expect(given.filter((x) => x !== 0)).toEqual([...counted(next - 1)]);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a microphone", () => {
  /** A sound of which the test says how much there is. */
  const live = () => {
    const state = { end: 0, start: 0 };
    return {
      state,
      read: (since: number) => {
        const first = Math.min(Math.max(since, state.start), state.end);
        return { first, samples: counted(state.end - first, first + 1) };
      },
    };
  };

  it("is heard a little behind its newest part, without a gap", async () => {
    const sound = live();
    lane.listen(sound);
    sound.state.end = 10 * BLOCK;
    const given: number[] = [];
    for (let i = 0; i < 3; i++) {
      given.push(...(await play(1)));
      sound.state.end += BLOCK;
    }
    const first = 10 * BLOCK - BLOCK - FRAME + 1;
    expect(given).toEqual([...counted(3 * BLOCK, first)]);
    expect(active).toBe(3);
  });

  it("that stops is silence, and goes on where it stopped", async () => {
    const sound = live();
    lane.listen(sound);
    sound.state.end = 2 * BLOCK;
    const heard = await play(1);
    expect(await play(2)).toEqual(silence(2 * BLOCK));
    sound.state.end += BLOCK;
    const last = heard.at(-1) ?? 0;
    expect(await play(1)).toEqual([...counted(BLOCK, last + 1)]);
  });

  it("that ran ahead is heard at its newest part again", async () => {
    const sound = live();
    lane.listen(sound);
    sound.state.end = 2 * BLOCK;
    await play(1);
    sound.state.end = 100 * BLOCK;
    expect((await play(1))[0]).toBe(100 * BLOCK - BLOCK - FRAME + 1);
  });

  it("is not heard while something else is said, and is afterwards, as it is then", async () => {
    const sound = live();
    lane.listen(sound);
    lane.say(() => said(counted(BLOCK, 500_000)));
    sound.state.end = 5 * BLOCK;
    expect(await play(1)).toEqual([...counted(BLOCK, 500_000)]);
    sound.state.end = 6 * BLOCK;
    expect((await play(1))[0]).toBe(5 * BLOCK - FRAME + 1);
    lane.listen();
    expect(await play(1)).toEqual(silence(BLOCK));
  });

  it("that is hardly to be heard keeps no session awake", async () => {
    lane.listen({ read: () => ({ first: 0, samples: new Float32Array(BLOCK).fill(0.001) }) });
    await play(3);
    expect(active).toBe(0);
  });

  /** A microphone whose sound is `level` loud where the test last said so. */
  const spoken = () => {
    const state = { level: 0 };
    let end = 8 * BLOCK;
    const read = (since: number) => {
      const first = Math.min(since, end);
      return { first, samples: new Float32Array(end - first).fill(state.level) };
    };
    lane.listen({ read });
    return async (level: number, blocks: number) => {
      state.level = level;
      for (let i = 0; i < blocks; i++) {
        end += BLOCK;
        await play(1);
      }
    };
  };

  it("into which somebody speaks is told of as it is heard, and how long that was", async () => {
    const speak = spoken();
    await speak(0, 2);
    await speak(0.1, 5);
    await speak(0, 9);
    expect(told()).toEqual(["speech-started u1 frame 5", "speech-finished u1 frame 15 played 400"]);
    expect(events[0]?.utterance).toEqual({ id: "u1", source: "microphone" });
    await speak(0.1, 1);
    await speak(0, 9);
    expect(told().slice(2)).toEqual([
      "speech-started u2 frame 33",
      "speech-finished u2 frame 35 played 80",
    ]);
  });

  it("is cut short by what is said, and begins again after it", async () => {
    const speak = spoken();
    await speak(0.1, 2);
    lane.say(() => said(counted(BLOCK)));
    await speak(0.1, 3);
    expect(told()).toEqual([
      "speech-started u1 frame 1",
      "speech-finished u1 frame 5 played 160 interrupted",
      "speech-started u2 frame 5",
      "speech-finished u2 frame 7 played 80",
      "speech-started u3 frame 7",
    ]);
  });

  it("is cut off when its output is cleared, and begins again", async () => {
    const speak = spoken();
    await speak(0.1, 2);
    lane.clear();
    await speak(0.1, 2);
    expect(told()).toEqual([
      "speech-started u1 frame 1",
      "speech-finished u1 frame 4 played 120 interrupted",
      "speech-started u2 frame 5",
    ]);
  });

  it("that is gone is done", async () => {
    const speak = spoken();
    await speak(0.1, 2);
    lane.listen();
    await play(9);
    expect(told()).toEqual(["speech-started u1 frame 1", "speech-finished u1 frame 5 played 160"]);
  });

  it("takes no room from what waits", async () => {
    const speak = spoken();
    await speak(0.1, 1);
    for (let i = 0; i < 16; i++) lane.say(() => said(counted(10)));
    expect(() => lane.say(() => said())).toThrow(
      expect.objectContaining({ code: "speech_overflow" }),
    );
  });
});
