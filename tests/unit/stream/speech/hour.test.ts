import { expect, test } from "vitest";
import { as } from "../../../../src/core/units.ts";
import type { SpeechEvent } from "../../../../src/stream/events.ts";
import { SpeechLane } from "../../../../src/stream/speech/speech-lane.ts";
import { heldBytes } from "../../../support/memory.ts";

/** Two frames of 40 ms. */
const BLOCK = 1_280;
const BLOCK_MICROS = 80_000;
const BLOCKS_IN_A_MINUTE = 750;
/** Where every block left a single object behind, it would be three times that after an hour. */
const MOST_GROWTH = 1_000_000;

/** A lane whose media clock goes as fast as it is asked to. */
function accelerated() {
  const events: SpeechEvent[] = [];
  const life = new AbortController();
  const lane = new SpeechLane({
    shape: {
      framesPerBlock: 2,
      frameSamples: BLOCK / 2,
      windowFrames: 8,
      lookAheadFrames: 2,
      features: 5,
    },
    emit: (event) => events.push(event),
    active: () => undefined,
    signal: life.signal,
  });
  let blocks = 0;
  const block = () => {
    lane.take();
    blocks += 1;
    lane.passed(as(blocks * BLOCK_MICROS));
  };
  const minutes = async (count: number, each: (block: number) => void = () => undefined) => {
    for (let i = 0; i < count * BLOCKS_IN_A_MINUTE; i++) {
      each(blocks);
      block();
      if (i % BLOCKS_IN_A_MINUTE === 0) await settle();
    }
  };
  return { lane, events, minutes, end: () => life.abort() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A microphone of which there is always enough, as loud as `level`. */
const live = (level: () => number) => ({
  read: (since: number) => ({
    first: Number.isFinite(since) ? since : 0,
    samples: new Float32Array(2 * BLOCK).fill(level()),
  }),
});

test.each([
  ["without a microphone", undefined],
  ["with a microphone that hears nothing", live(() => 0)],
  ["with a microphone that hums", live(() => 0.002)],
])("an hour of silence %s leaves nothing behind, and moves nothing", async (_title, sound) => {
  const { lane, events, minutes, end } = accelerated();
  lane.listen(sound);
  await minutes(1);
  const before = await heldBytes();
  await minutes(60);
  expect((await heldBytes()) - before).toBeLessThan(MOST_GROWTH);
  expect(events).toEqual([]);

  lane.append(new Float32Array(BLOCK).fill(0.5));
  lane.commit();
  await settle();
  await minutes(1);
  const began = 61 * 60e6;
  // The voice is held back by the look-ahead's two frames.
  expect(events).toMatchObject([
    { type: "speech-started", at: began + 80_000 },
    { type: "speech-finished", at: began + 160_000, played: 80 },
  ]);
  end();
});

test("an hour of talk leaves nothing behind, and every end is told", async () => {
  const { lane, events, minutes, end } = accelerated();
  // Ten blocks of words, ten of silence: into the microphone, and over it now and then.
  let isLoud = false;
  lane.listen(live(() => (isLoud ? 0.2 : 0)));
  const talk = (block: number) => {
    isLoud = block % 20 < 10;
    if (block % 100 !== 50) return;
    lane.append(new Float32Array(2 * BLOCK).fill(0.5));
    lane.commit();
  };
  await minutes(1, talk);
  events.length = 0;
  const before = await heldBytes();
  await minutes(60, talk);
  const told = events.map(({ type }) => type);
  events.length = 0;
  expect((await heldBytes()) - before).toBeLessThan(MOST_GROWTH);
  const count = (type: SpeechEvent["type"]) => told.filter((it) => it === type).length;
  expect(count("speech-started")).toBeGreaterThan(60 * 37);
  expect(Math.abs(count("speech-started") - count("speech-finished"))).toBeLessThanOrEqual(1);
  end();
});
