import { describe, expect, it } from "vitest";
import { Resampler } from "../../../src/media/codecs/resample.ts";
import { espeak } from "../../../src/media/speech/espeak.ts";
import { sentencesOf } from "../../../src/media/speech/sentences.ts";
import { soundOfWav } from "../../../src/media/speech/wav.ts";
import type { Sound } from "../../../src/media/synthesiser.ts";

const never = new AbortController().signal;

async function all(sounds: AsyncIterable<Sound>): Promise<Sound[]> {
  const parts: Sound[] = [];
  for await (const part of sounds) parts.push(part);
  return parts;
}

const secondsOf = ({ samples, rate }: Sound): number => samples.length / rate;
const loudest = ({ samples }: Sound): number => samples.reduce((a, b) => Math.max(a, b), 0);

describe("a text", () => {
  it.each([
    ["One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]],
    ["It is 3.5, no more.\n\nDone", ["It is 3.5, no more.", "Done"]],
    ["好。是吗？是", ["好。", "是吗？", "是"]],
    [" \n ... !? \t", []],
    ["", []],
    ["Ein Satz.\nNoch einer…", ["Ein Satz.", "Noch einer…"]],
  ])("%j is said in sentences", (text, sentences) => {
    expect(sentencesOf(text)).toEqual(sentences);
  });

  it("without an end is cut at spaces, and where there is none in the middle", () => {
    const words = sentencesOf("word ".repeat(1_000));
    expect(words.join(" ")).toBe("word ".repeat(1_000).trim());
    expect(Math.max(...words.map(({ length }) => length))).toBeLessThanOrEqual(240);
    expect(sentencesOf("x".repeat(500)).map(({ length }) => length)).toEqual([240, 240, 20]);
  });
});

describe("eSpeak NG", () => {
  it("says each sentence", async () => {
    const sounds = await all(espeak({ text: "Hello there. How are you?" }, never));
    expect(sounds).toHaveLength(2);
    for (const sound of sounds) {
      expect(secondsOf(sound)).toBeGreaterThan(0.4);
      expect(secondsOf(sound)).toBeLessThan(3);
      expect(loudest(sound)).toBeGreaterThan(0.1);
    }
  });

  it("takes no text for an option, nor for a command", async () => {
    const [sound] = await all(espeak({ text: "--version; $(touch x) `id` -w y" }, never));
    expect(secondsOf(sound as Sound)).toBeGreaterThan(1);
  });

  it("has voices", async () => {
    const said = await Promise.all(
      ["en", "de"].map((voice) => all(espeak({ text: "Guten Morgen.", voice }, never))),
    );
    expect(said[0]).not.toEqual(said[1]);
  });

  it("says that it has no such voice", async () => {
    await expect(all(espeak({ text: "Hello.", voice: "nobody" }, never))).rejects.toMatchObject({
      code: "speech_failed",
      message: expect.stringContaining("voice") as unknown,
    });
  });

  it("that is not installed says how to get it", async () => {
    const missing = espeak({ text: "Hello." }, never, { program: "espeak-that-is-not-there" });
    await expect(all(missing)).rejects.toMatchObject({
      code: "speech_unavailable",
      message: expect.stringContaining("apt-get install espeak-ng") as unknown,
    });
  });

  it("ends when it is interrupted", async () => {
    const stop = new AbortController();
    const sounds = espeak({ text: "One. Two." }, stop.signal);
    await sounds.next();
    stop.abort();
    await expect(sounds.next()).rejects.toThrow();
  });
});

describe("a WAV file", () => {
  it.each(["", "RIFF", "x".repeat(64)])("that is none is refused: %j", (text) => {
    expect(() => soundOfWav(Buffer.from(text))).toThrow(/no sound/);
  });
});

describe("a resampler", () => {
  it.each([8_000, 11_025, 22_050, 24_000, 44_100, 48_000])(
    "takes %i samples a second, in whatever parts",
    (rate) => {
      const tone = Float32Array.from({ length: rate }, (_, i) =>
        Math.sin((2 * Math.PI * 300 * i) / rate),
      );
      const resampler = new Resampler(rate, 16_000);
      const parts: number[] = [];
      for (let at = 0; at < rate; at += 777) {
        parts.push(...resampler.resample(tone.subarray(at, Math.min(at + 777, rate))));
      }
      parts.push(...resampler.finish());
      resampler.close();
      const wanted = (i: number) => Math.sin((2 * Math.PI * 300 * i) / 16_000);
      const middle = parts.slice(1_000, 15_000);
      expect(Math.abs(parts.length - 16_000)).toBeLessThan(40);
      expect(Math.max(...middle.map((x, i) => Math.abs(x - wanted(i + 1_000))))).toBeLessThan(0.02);
    },
  );
});
