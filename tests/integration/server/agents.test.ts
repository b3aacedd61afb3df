import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type AudioFrame,
  AvatarOutput,
  type PlaybackFinished,
} from "../../../clients/agents/avatar-output.ts";
import type { StreamError } from "../../../src/core/errors.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { Service, until } from "../../support/service.ts";
import { tone } from "../../support/speech.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({
    startEngine,
    config: { sessions: 16, preload: ["tiny-speech"] },
  });
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
  const told: string[] = [];
  const ends: PlaybackFinished[] = [];
  const errors: StreamError[] = [];
  const output = await AvatarOutput.connect(
    { url: service.address, session, token },
    {
      onPlaybackStarted: ({ createdAt }) => {
        expect(createdAt).toBeLessThanOrEqual(Date.now());
        told.push("started");
      },
      onPlaybackFinished: (end) => {
        told.push("finished");
        ends.push(end);
      },
      onError: (error) => errors.push(error),
    },
  );
  return { output, told, ends, errors };
}

/** Seconds of a voice, as an agent hands it over: 20 ms a frame, in stereo. */
function* voice(seconds: number, sampleRate = 24_000) {
  const samples = tone(200, sampleRate, seconds);
  const frame = sampleRate / 50;
  for (let at = 0; at < samples.length; at += frame) {
    const part = samples.subarray(at, at + frame);
    const data = Int16Array.from({ length: 2 * part.length }, (_, i) =>
      Math.round((part[i >> 1] ?? 0) * 32_767),
    );
    yield { data, sampleRate, channels: 2 };
  }
}

/** Capture all of it as fast as it is taken. */
async function capture(output: AvatarOutput, frames: Iterable<AudioFrame>): Promise<void> {
  for (const frame of frames) await output.captureFrame(frame);
}

test("an agent's segments are heard, and it is told when each begins and how much of it was", async () => {
  const { output, told, ends, errors } = await agent();
  for (const seconds of [0.4, 0.25]) {
    await capture(output, voice(seconds, 48_000));
    output.flush();
  }
  const last = await output.waitForPlayout();
  expect(told).toEqual(["started", "finished", "started", "finished"]);
  expect(ends.map(({ interrupted }) => interrupted)).toEqual([false, false]);
  expect(ends[0]?.playbackPosition).toBeCloseTo(0.4, 2);
  expect(ends[1]?.playbackPosition).toBeCloseTo(0.25, 2);
  expect(last).toEqual(ends[1]);
  expect(errors).toEqual([]);
  output.close();
});

test("an agent may wait when it has said nothing", async () => {
  const { output, told } = await agent();
  output.clearBuffer();
  output.flush();
  expect(await output.waitForPlayout()).toEqual({ playbackPosition: 0, interrupted: false });
  expect(told).toEqual([]);
  output.close();
});

test.each([
  ["in the middle of a segment", (output: AvatarOutput) => output.clearBuffer()],
  [
    "after it was whole",
    (output: AvatarOutput) => {
      output.flush();
      output.clearBuffer();
    },
  ],
  [
    "before it is called whole",
    (output: AvatarOutput) => {
      output.clearBuffer();
      output.flush();
    },
  ],
])(
  "an agent that is interrupted %s is told where, once, and speaks again",
  async (_title, stop) => {
    const { output, told, ends } = await agent();
    await capture(output, voice(15));
    await until(() => told.length > 0, "the voice");
    stop(output);
    const end = await output.waitForPlayout();
    expect(end.interrupted).toBe(true);
    expect(end.playbackPosition).toBeLessThan(14);

    await capture(output, voice(0.2));
    output.flush();
    expect(await output.waitForPlayout()).toMatchObject({ interrupted: false });
    expect(ends).toHaveLength(2);
    output.close();
  },
);

test("an agent that makes its voice faster than it is heard is held back, and loses nothing", async () => {
  const { output, ends, errors } = await agent();
  let taken = 0;
  const all = (async () => {
    for (const frame of voice(90)) {
      await output.captureFrame(frame);
      taken += 1;
    }
  })();
  await until(() => taken > 900, "twenty seconds to be taken");
  expect(taken).toBeLessThan(2_500);
  output.clearBuffer();
  await output.waitForPlayout();
  await until(() => taken > 1_900, "the next twenty seconds to be taken");
  output.close();
  await all;
  // What a connection leaves behind is told when it is gone, not when it is asked to go.
  await until(() => ends.length > 1, "the end of the second segment");
  expect(errors).toEqual([]);
  expect(ends).toHaveLength(2);
});

test("a segment that the server does not take is over all the same", async () => {
  const { output, told, ends, errors } = await agent();
  await capture(output, voice(0.5, 4_000));
  output.flush();
  expect(await output.waitForPlayout()).toEqual({ playbackPosition: 0, interrupted: true });
  expect(errors[0]).toMatchObject({ code: "bad_parameter", detail: { path: "sample_rate" } });

  await capture(output, voice(0.2));
  output.flush();
  expect(await output.waitForPlayout()).toMatchObject({ interrupted: false });
  expect(told).toEqual(["finished", "started", "finished"]);
  expect(ends).toHaveLength(2);
  output.close();
});

test("an agent whose connection ends is told that its segments do", async () => {
  const { output, ends } = await agent();
  await capture(output, voice(10));
  output.flush();
  await capture(output, voice(1));
  const over = output.waitForPlayout();
  output.close();
  expect((await over).interrupted).toBe(true);
  expect(ends).toHaveLength(2);

  // Whoever speaks on is told so, too.
  output.flush();
  await capture(output, voice(30));
  output.flush();
  expect(await output.waitForPlayout()).toEqual({ playbackPosition: 0, interrupted: true });
  expect(ends).toHaveLength(3);
});

test("a wrong secret is told", async () => {
  const made = AvatarOutput.connect(
    { url: service.address, session: "nobody", token: "x".repeat(32) },
    { onPlaybackFinished: () => undefined },
  );
  await expect(made).rejects.toMatchObject({ code: "unknown_session" });
});
