import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { type BlockSpeech, type Model, openModel } from "../../../src/models/model.ts";
import { loadPackage } from "../../../src/models/package.ts";
import { Hearing } from "../../../src/models/speech.ts";
import type { GraphSet } from "../../../src/models/world-model.ts";
import { tinyPath } from "../../support/oracle.ts";

const CACHE = { policy: "window", windowFrames: 4, sinkFrames: 2 } as const;
const BEGINNING = { seed: 1, cache: CACHE };
const CONTROL = Float32Array.of(1, 0.5, 0, 1);
const FRAME = 640;
const BLOCK = 2 * FRAME;

/** Block `index` of a sound whose every sample is another one. */
const spoken = (index: number, cut = false): BlockSpeech => ({
  samples: Float32Array.from({ length: BLOCK }, (_, i) => (index * BLOCK + i + 1) / 2 ** 14),
  cut,
});
const under = (speech?: BlockSpeech) => ({
  control: CONTROL,
  steps: 2,
  ...(speech !== undefined && { speech }),
});

/** Pictures of one colour, [32, 32, 3]. */
const plain = (red: number): Uint8Array =>
  Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i % 3 === 0 ? red : 90));

describe("a model that hears", () => {
  /** Looks ahead by one frame. */
  let model: Model;
  beforeAll(async () => {
    model = await openModel(
      await loadPackage(tinyPath("tiny-speech")),
      { provider: "cpu" },
      systemClock,
    );
    return () => model.close();
  });

  it("lets the voice out as many frames after it came in as it looks ahead, sample by sample", async () => {
    const generation = await model.open(BEGINNING);
    const voice: number[] = [];
    for (const index of [0, 1, 2])
      voice.push(...((await generation.next(under(spoken(index)))).voice ?? []));
    const said = [0, 1, 2].flatMap((index) => [...spoken(index).samples]);
    expect(voice.slice(0, FRAME)).toEqual(Array.from({ length: FRAME }, () => 0));
    expect(voice.slice(FRAME)).toEqual(said.slice(0, 3 * BLOCK - FRAME));
    await generation.close();
  });

  it("moves with what it hears, and silence is what it hears where nothing is said", async () => {
    const streams = [spoken(0), under().speech, { samples: new Float32Array(BLOCK), cut: false }];
    const made: string[] = [];
    for (const speech of streams) {
      const generation = await model.open(BEGINNING);
      made.push((await generation.next(under(speech))).latents.join());
      await generation.close();
    }
    expect(made[0]).not.toBe(made[1]);
    expect(made[1]).toBe(made[2]);
  });

  it("does not run its encoder while nobody speaks, and does until the last word left the window", async () => {
    let runs = 0;
    const counted: GraphSet = () => ({
      bind: ({ pcm }: { pcm: Float32Array }, { features }: { features: Float32Array }) => ({
        run: () => {
          runs += 1;
          features.fill(1 + pcm.reduce((sum, sample) => sum + sample, 0));
          return Promise.resolve();
        },
      }),
    });
    const shape = { framesPerBlock: 2, frameSamples: FRAME, windowFrames: 3 };
    const hearing = await Hearing.open({ ...shape, lookAheadFrames: 1, features: 1 }, counted);
    const silence = { samples: new Float32Array(BLOCK), cut: false };
    const heard: [number, number[]][] = [];
    for (const speech of [undefined, silence, { ...spoken(0) }, undefined, silence]) {
      await hearing.hear(speech);
      heard.push([runs, [...hearing.features]]);
    }
    expect(heard.map(([count]) => count)).toEqual([1, 1, 3, 5, 5]);
    expect(heard.map(([, features]) => features.map((x) => x === 1))).toEqual([
      [true, true],
      [true, true],
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it("falls silent within 10 ms when what is not heard yet is cut off", async () => {
    const generation = await model.open(BEGINNING);
    await generation.next(under(spoken(0)));
    const { voice = new Float32Array() } = await generation.next(under(spoken(1, true)));
    const unheard = spoken(0).samples.subarray(FRAME);
    expect(voice[0]).toBe(unheard[0]);
    expect(voice[80]).toBeCloseTo((unheard[80] ?? 0) / 2, 6);
    expect(voice.slice(160, FRAME)).toEqual(new Float32Array(FRAME - 160));
    expect(voice.slice(FRAME)).toEqual(spoken(1).samples.subarray(0, FRAME));
    await generation.close();
  });

  it("does not cut anybody off when it begins again", async () => {
    const generation = await model.open(BEGINNING);
    await generation.next(under(spoken(0)));
    await generation.reset(BEGINNING);
    const { voice = new Float32Array() } = await generation.next(under(spoken(1)));
    expect(voice.slice(0, FRAME)).toEqual(spoken(0).samples.subarray(FRAME));
    await generation.close();
  });

  it("goes on from a snapshot in the middle of a word, bit for bit", async () => {
    const generation = await model.open(BEGINNING);
    await generation.next(under(spoken(0)));
    const snapshot = await generation.snapshot();
    const went = await generation.next(under(spoken(1)));
    const other = await model.open({ ...BEGINNING, seed: 2 });
    await other.restore(snapshot);
    const restored = await other.next(under(spoken(1)));
    expect(restored.voice).toEqual(went.voice);
    expect(restored.latents).toEqual(went.latents);
    await Promise.all([generation.close(), other.close()]);
  });

  it("refuses a block of another length, and goes on", async () => {
    const generation = await model.open(BEGINNING);
    const short = { samples: new Float32Array(BLOCK - 1), cut: false };
    await expect(generation.next(under(short))).rejects.toMatchObject({
      code: "bad_parameter",
      detail: { path: "speech" },
    });
    expect((await generation.next(under(spoken(0)))).latents).toHaveLength(2 * 64);
    await generation.close();
  });

  it("begins from a picture instead of a start, and shows it in every block", async () => {
    const made: string[] = [];
    for (const picture of [plain(200), plain(20), plain(200)]) {
      const generation = await model.open({ ...BEGINNING, picture });
      made.push((await generation.next(under())).latents.join());
      await generation.close();
    }
    expect(made[0]).not.toBe(made[1]);
    expect(made[0]).toBe(made[2]);
  });

  it("takes a picture with a face, and says so of one without", async () => {
    await model.checkPicture(plain(200));
    await expect(model.checkPicture(plain(20))).rejects.toMatchObject({
      code: "no_face",
      detail: { score: 0.08 },
    });
    await expect(model.checkPicture(new Uint8Array(12))).rejects.toMatchObject({
      code: "bad_parameter",
    });
  });
});

describe("a model that hears nothing", () => {
  it("refuses speech, and takes any picture of its size", async () => {
    const modelPackage = await loadPackage(tinyPath("tiny-fused"));
    const model = await openModel(modelPackage, { provider: "cpu" }, systemClock);
    const generation = await model.open(BEGINNING);
    await expect(generation.next(under(spoken(0)))).rejects.toMatchObject({
      code: "bad_parameter",
    });
    expect((await generation.next(under())).voice).toBeUndefined();
    await model.checkPicture(plain(0));
    await model.close();
  });
});
