import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { as } from "../../../../src/core/units.ts";
import { Checkpoint } from "../../../../src/stream/engine/checkpoint.ts";
import type { EngineFacts, MadeBlock } from "../../../../src/stream/engine/messages.ts";
import { sessionOptions, WHOLE_CACHE } from "../../../support/engine.ts";

const facts = (framesPerBlock: number, windowFrames: number, sinkFrames: number): EngineFacts => ({
  provider: "cpu",
  reason: "test",
  speechFrames: 0,
  cache: {
    allowance: {
      framesPerBlock,
      tokensPerFrame: 4,
      windowFrames,
      sinkFrames,
      mostSlots: 4096,
      groupFrames: 4,
      compressors: [],
      isState: false,
      isHost: true,
      hashes: false,
    },
    initial: { policy: "window", windowFrames, sinkFrames },
  },
});

/** Only what a checkpoint reads of a block. */
const made = (block: number, bytes = 0): MadeBlock => ({
  result: { block: as(block), cache: { bytes } } as MadeBlock["result"],
  latents: Float32Array.of(block),
});

const play = (checkpoint: Checkpoint, from: number, to: number): void => {
  for (let block = from; block < to; block++)
    checkpoint.made(made(block), { control: Float32Array.of(block) });
};

const blocksOf = ({ history }: Checkpoint): (number | undefined)[] =>
  history.map(({ latents }) => latents[0]);

describe("a checkpoint", () => {
  it("is empty before the first block", () => {
    const checkpoint = new Checkpoint(sessionOptions("a"), facts(1, 4, 1));

    expect(checkpoint).toMatchObject({ history: [], block: 0, restored: null });
  });

  it("keeps every block, with its control, while the cache could still hold them", () => {
    const checkpoint = new Checkpoint(sessionOptions("a"), facts(1, 4, 2));
    play(checkpoint, 0, 6);

    expect(blocksOf(checkpoint)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(checkpoint.history.map(({ control }) => control[0])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(checkpoint.block).toBe(6);
  });

  it("keeps the sinks and the window, and no more, however long it runs", () => {
    const sizes = {
      frames: fc.integer({ min: 1, max: 8 }),
      count: fc.integer({ min: 0, max: 40 }),
    };
    fc.assert(
      fc.property(
        sizes.frames,
        sizes.count,
        sizes.count,
        fc.nat(200),
        (frames, window, sink, n) => {
          const checkpoint = new Checkpoint(sessionOptions("a"), facts(frames, window, sink));
          play(checkpoint, 0, n);
          const kept = blocksOf(checkpoint);
          const sinks = Math.ceil(sink / frames);
          const newest = Math.ceil(window / frames) + 1;

          expect(kept.length).toBeLessThanOrEqual(sinks + newest + 1);
          for (let block = 0; block < Math.min(n, sinks); block++) expect(kept).toContain(block);
          for (let block = Math.max(0, n - newest); block < n; block++)
            expect(kept).toContain(block);
          expect(kept).toEqual(kept.toSorted((a = 0, b = 0) => a - b));
        },
      ),
    );
  });

  it("does not see what its caller does to the control later", () => {
    const checkpoint = new Checkpoint(sessionOptions("a"), facts(1, 4, 1));
    const control = Float32Array.of(1);
    checkpoint.made(made(0), { control });
    control.fill(9);

    expect(checkpoint.history[0]?.control).toEqual(Float32Array.of(1));
  });

  it("forgets the past at a reset; the block index goes on", () => {
    const checkpoint = new Checkpoint({ ...sessionOptions("a"), start: "old" }, facts(1, 4, 1));
    play(checkpoint, 0, 3);
    checkpoint.reset({ seed: 8, cache: WHOLE_CACHE });

    expect(checkpoint).toMatchObject({ history: [], block: 3 });
    expect(checkpoint.options).toEqual(sessionOptions("a", 8));
  });

  it("keeps what was said before a reset as long as it is heard, and no longer", () => {
    const speechOf = (block: number) => ({ samples: Float32Array.of(block), cut: false });
    const speak = (checkpoint: Checkpoint, from: number, to: number) => {
      for (let block = from; block < to; block++) {
        const control = Float32Array.of(block);
        checkpoint.made(made(block), { control, speech: speechOf(block) });
      }
    };
    const change = { seed: 8, cache: WHOLE_CACHE };
    const checkpoint = new Checkpoint(sessionOptions("a"), { ...facts(2, 4, 1), speechFrames: 5 });
    expect(checkpoint.heard).toEqual([]);
    speak(checkpoint, 0, 9);
    expect(checkpoint.heard).toEqual([]);

    checkpoint.reset(change);
    expect(checkpoint.heard).toEqual([6, 7, 8].map(speechOf));
    speak(checkpoint, 9, 10);
    expect(checkpoint.heard).toEqual([6, 7, 8].map(speechOf));
    checkpoint.reset(change);
    expect(checkpoint.heard).toEqual([7, 8, 9].map(speechOf));

    // A snapshot holds what was heard.
    checkpoint.frozen({ bytes: Uint8Array.of(1) }, 10);
    expect(checkpoint.heard).toEqual([]);
    checkpoint.reset(change);
    expect(checkpoint.heard).toEqual([7, 8, 9].map(speechOf));
    checkpoint.thawed({ bytes: Uint8Array.of(1) }, 40);
    expect(checkpoint.heard).toEqual([]);
  });

  it("begins from a snapshot, with the cache chosen after it", () => {
    const checkpoint = new Checkpoint(sessionOptions("a"), facts(1, 4, 1));
    play(checkpoint, 0, 3);
    const snapshot = { bytes: Uint8Array.of(1) };
    checkpoint.thawed(snapshot, 40);

    expect(checkpoint).toMatchObject({ history: [], block: 40, restored: { snapshot } });
    expect(checkpoint.restored).not.toHaveProperty("cache");

    const cache = { ...WHOLE_CACHE, windowFrames: 3 };
    checkpoint.configured(cache);
    play(checkpoint, 40, 42);

    expect(blocksOf(checkpoint)).toEqual([40, 41]);
    expect(checkpoint.restored).toEqual({ snapshot, cache });
  });

  it("asks for snapshots of a memory, and keeps every block since the newest", () => {
    const cache = { ...WHOLE_CACHE, policy: "tempcache" as const };
    const checkpoint = new Checkpoint({ ...sessionOptions("a"), cache }, facts(1, 4, 1));
    const due: number[] = [];
    for (let block = 0; block < 200; block++) {
      if (checkpoint.made(made(block), { control: Float32Array.of(block) })) due.push(block);
      if (due.at(-1) === block - 2) checkpoint.frozen({ bytes: Uint8Array.of(block) }, block - 1);
    }

    expect(due).toEqual([63, 127, 191]);
    expect(checkpoint.restored).toEqual({ snapshot: { bytes: Uint8Array.of(193) } });
    expect(blocksOf(checkpoint)).toEqual([192, 193, 194, 195, 196, 197, 198, 199]);
    expect(checkpoint.block).toBe(200);
  });

  it("has no snapshot of a cache that is too large, nor of one without a memory", () => {
    const cache = { ...WHOLE_CACHE, policy: "tempcache" as const };
    const large = new Checkpoint({ ...sessionOptions("a"), cache }, facts(1, 4, 0));
    const plain = new Checkpoint(sessionOptions("b"), facts(1, 4, 0));
    const due = Array.from({ length: 130 }, (_, block) => [
      large.made(made(block, 2 ** 23), { control: Float32Array.of(block) }),
      plain.made(made(block), { control: Float32Array.of(block) }),
    ]);

    expect(due.flat()).not.toContain(true);
    expect(large.history).toHaveLength(6);
    expect(plain.history).toHaveLength(6);
  });
});
