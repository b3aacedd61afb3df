import fc from "fast-check";
import { expect, it } from "vitest";
import { SpeechQueue } from "../../../../src/stream/speech/speech-queue.ts";

/** Blocks of the shipped face, and the margin of what comes as it is spoken: 40 and 20 ms. */
const BLOCK = 640;
const MARGIN = 320;

const counted = (count: number, first = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => first + i);

function take(queue: SpeechQueue): number[] {
  const block = new Float32Array(BLOCK);
  queue.take(block);
  return [...block];
}
const SILENCE = [...new Float32Array(BLOCK)];

it("begins an utterance that comes as it is spoken with a margin", () => {
  const queue = new SpeechQueue(1e6);
  queue.begin("u", true);
  queue.push("u", counted(BLOCK));
  expect(take(queue)).toEqual(SILENCE);
  queue.push("u", counted(MARGIN - 1, BLOCK + 1));
  expect(take(queue)).toEqual(SILENCE);

  queue.push("u", counted(1, BLOCK + MARGIN));

  expect(take(queue)).toEqual([...counted(BLOCK)]);
});

it("begins an utterance that is whole, and one that is made faster, at once", () => {
  const queue = new SpeechQueue(1e6);
  queue.begin("live", true);
  queue.push("live", counted(BLOCK));
  queue.end("live");
  queue.begin("made", false);
  queue.push("made", counted(BLOCK));

  expect(take(queue)).toEqual([...counted(BLOCK)]);
  expect(take(queue)).toEqual([...counted(BLOCK)]);
});

it("waits for no second part where parts are longer than any that come as they are spoken", () => {
  const queue = new SpeechQueue(1e6);
  queue.begin("u", true);
  queue.push("u", counted(16_000));
  expect(take(queue)).toEqual([...counted(BLOCK)]);
});

/** When part `index` is there, in samples spoken since the first began. */
type Arrival = (index: number) => number;

/** What is heard in `blocks` blocks of an utterance whose parts of `length` come as `arrival` says. */
function hear(length: number, arrival: Arrival, blocks: number): number[] {
  const queue = new SpeechQueue(1e6);
  queue.begin("u", true);
  const heard: number[] = [];
  for (let block = 0, sent = 0; block < blocks; block++) {
    for (; arrival(sent) <= block * BLOCK; sent++) {
      queue.push("u", counted(length, 1 + sent * length));
    }
    heard.push(...take(queue));
  }
  return heard;
}

it("does not tear what comes as it is spoken, in parts of any length and a little late", () => {
  const late = fc.array(fc.integer({ min: 0, max: MARGIN }), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 64, max: 1_600 }), late, (length, lates) => {
      const arrival: Arrival = (index) => (index + 1) * length + (lates[index % lates.length] ?? 0);
      const heard = hear(length, arrival, 40);
      const said = heard.slice(heard.indexOf(1));
      expect(said).toEqual([...counted(said.length)]);
    }),
  );
});

it("is silent for a block where a part comes later than that, and loses none of it", () => {
  const arrival: Arrival = (index) => (index + 1) * 320 + (index === 10 ? 2 * BLOCK : 0);
  const heard = hear(320, arrival, 30);
  const said = heard.filter((sample) => sample !== 0);
  expect(said).toEqual([...counted(said.length)]);
  expect(heard.slice(heard.indexOf(1)).filter((sample) => sample === 0)).toHaveLength(BLOCK);
});
