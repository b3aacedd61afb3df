import { afterAll, beforeAll, expect, test } from "vitest";
import { AvatarOutput, type PlaybackFinished } from "../../../clients/agents/avatar-output.ts";
import type { StreamError } from "../../../src/core/errors.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { Service, until } from "../../support/service.ts";
import { tone } from "../../support/speech.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({ startEngine, config: { preload: ["tiny-speech"] } });
});

afterAll(() => service[Symbol.asyncDispose]());

/** An agent in a session of its own, and all it was told. */
async function agent() {
  const made = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-speech" }),
  });
  const { id: session, token } = (await made.json()) as { id: string; token: string };
  const ends: PlaybackFinished[] = [];
  const errors: StreamError[] = [];
  const output = await AvatarOutput.connect(
    { url: service.address, session, token },
    { onPlaybackFinished: (end) => ends.push(end), onError: (error) => errors.push(error) },
  );
  return { output, ends, errors };
}

/** Seconds of a voice, as an agent hands it over: 24 kHz, 20 ms a frame, in stereo. */
function* voice(seconds: number) {
  const samples = tone(200, 24_000, seconds);
  for (let at = 0; at < samples.length; at += 480) {
    const part = samples.subarray(at, at + 480);
    const data = Int16Array.from({ length: 2 * part.length }, (_, i) =>
      Math.round((part[i >> 1] ?? 0) * 32_767),
    );
    yield { data, sampleRate: 24_000, channels: 2 };
  }
}

test("an agent's segments are heard, and it is told how much of each", async () => {
  const { output, ends, errors } = await agent();
  for (const seconds of [0.4, 0.2]) {
    for (const frame of voice(seconds)) output.captureFrame(frame);
    output.flush();
  }
  await output.waitForPlayout();
  expect(ends).toHaveLength(2);
  expect(ends.map(({ interrupted }) => interrupted)).toEqual([false, false]);
  expect(ends[0]?.playbackPosition).toBeCloseTo(0.4, 2);
  expect(ends[1]?.playbackPosition).toBeCloseTo(0.2, 2);
  expect(errors).toEqual([]);
  output.close();
});

test("an agent that is interrupted is told where, and speaks again", async () => {
  const { output, ends } = await agent();
  for (const frame of voice(20)) output.captureFrame(frame);
  output.flush();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  output.clearBuffer();
  await output.waitForPlayout();
  expect(ends[0]?.interrupted).toBe(true);
  expect(ends[0]?.playbackPosition).toBeLessThan(19);

  for (const frame of voice(0.2)) output.captureFrame(frame);
  output.flush();
  await output.waitForPlayout();
  expect(ends[1]).toMatchObject({ interrupted: false });
  output.close();
});

test("an agent that says too much at once is told so", async () => {
  const { output, errors } = await agent();
  for (let minute = 0; minute < 2; minute++) {
    const data = new Int16Array(16_000);
    for (let i = 0; i < 70; i++) output.captureFrame({ data, sampleRate: 16_000, channels: 1 });
  }
  await until(() => errors.length > 0, "a refusal");
  expect(errors[0]?.code).toBe("speech_overflow");
  output.close();
});

test("a wrong secret is told", async () => {
  const made = AvatarOutput.connect(
    { url: service.address, session: "nobody", token: "x".repeat(32) },
    { onPlaybackFinished: () => undefined },
  );
  await expect(made).rejects.toMatchObject({ code: "unknown_session" });
});
