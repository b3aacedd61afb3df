import { describe, expect, test } from "vitest";
import { espeak } from "../../../src/media/speech/espeak.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { hearingServer } from "../../support/hearing.ts";
import { Service } from "../../support/service.ts";
import { append, expectAlive, finished, listen, refused, tone } from "../../support/speech.ts";

const { play, service } = hearingServer();

describe("a text", () => {
  test("is said, and its beginning and end are told as they are heard", async () => {
    const client = await play();
    client.send({ type: "speech.say", event_id: "s", text: "Hello there, my friend." });

    await client.event("input.accepted", ({ event_id }) => event_id === "s");
    const started = await client.event("speech.started");
    const over = await finished(client, started.utterance);
    await client.frames(20);

    const seconds = (over.pts - started.pts) / 1e6;
    expect(started).toMatchObject({ source: "text", event_id: "s", utterance: "u1" });
    expect(over).toMatchObject({ event_id: "s", interrupted: false });
    expect(over.played_ms / 1000).toBeCloseTo(seconds, 1);
    expect(seconds).toBeGreaterThan(0.8);
    const heard = listen(client.media);
    expect(heard.loudness(0, started.pts - 5_000)).toBeLessThan(0.01);
    expect(heard.loudness(started.pts, over.pts)).toBeGreaterThan(0.1);
    expect(heard.loudness(over.pts + 20_000, Number.POSITIVE_INFINITY)).toBeLessThan(0.01);
    client.cut();
  });

  test("after a text waits for it", async () => {
    const client = await play();
    client.send({ type: "speech.say", text: "One." });
    client.send({ type: "speech.say", text: "Two.", voice: "de" });

    const [first, second] = [await finished(client, "u1"), await finished(client, "u2")];
    const next = await client.event("speech.started", ({ utterance }) => utterance === "u2");
    expect(next.pts).toBe(first.pts);
    expect(second.pts).toBeGreaterThan(first.pts);
    client.cut();
  });

  test("is cut off when its output is cleared, and the mouth closes", async () => {
    const client = await play();
    client.send({ type: "speech.say", text: "This is a long story, and it goes on. ".repeat(20) });
    const started = await client.event("speech.started");
    await client.frames(40);
    client.send({ type: "output.clear", event_id: "stop" });

    const cleared = await client.event("output.cleared");
    const over = await finished(client, started.utterance);
    await client.frames(40);

    expect(cleared.event_ids).toEqual(["stop"]);
    expect(over).toMatchObject({ interrupted: true, pts: cleared.pts });
    expect(over.played_ms).toBe(Math.round((cleared.pts - started.pts) / 1000));
    const heard = listen(client.media);
    expect(heard.loudness(cleared.pts + 20_000, Number.POSITIVE_INFINITY)).toBeLessThan(0.01);
    client.cut();
  });

  test("in a voice that there is not is told to be so, and the stream goes on", async () => {
    const client = await play();
    client.send({ type: "speech.say", event_id: "s", text: "Hello.", voice: "nobody" });

    const { error } = await client.event("error");
    expect(error).toMatchObject({
      code: "speech_failed",
      detail: { utterance: "u1", event_id: "s" },
    });
    expect(await finished(client, "u1")).toMatchObject({ played_ms: 0 });
    await expectAlive(client);
    client.cut();
  });
});

describe("whoever pastes a whole book", () => {
  test("is told what a text may have, and the stream goes on", async () => {
    const client = await play();
    const text = "word ".repeat(2_000);
    const error = await refused(client, { type: "speech.say", event_id: "b", text });
    expect(error).toMatchObject({ code: "bad_parameter", detail: { path: "text" } });
    client.cut();
  });

  test.each([
    ["of 60 kB is told so", 60_000],
    ["of a megabyte is not even read", 1_000_000],
  ])("in a message %s, closed, and may come back to the session", async (_title, length) => {
    const client = await play();
    const { session, token } = await client.event("session.created");
    client.send({ type: "speech.say", text: "word ".repeat(length / 5) });
    expect((await client.closed).code).toBe(1009);
    const isTold = client.events.some(
      (it) => it.type === "error" && it.error.code === "message_too_large",
    );
    expect(isTold).toBe(length < 65_536);

    const again = await service().connect();
    again.send({ type: "session.resume", session, token });
    await again.event("session.resumed");
    await expectAlive(again);
    again.cut();
  });
});

describe("speech is refused", () => {
  const messages: readonly ClientMessageInput[] = [
    { type: "speech.say", event_id: "a", text: "Hello." },
    { type: "input_audio.append", event_id: "a", audio: "AAAA".repeat(2) },
    { type: "input_audio.commit", event_id: "a" },
    { type: "input_audio.clear", event_id: "a" },
    { type: "output.clear", event_id: "a" },
  ];

  test.each(messages)("to a model that hears nothing: $type", async (message) => {
    const client = await service().play();
    expect(await refused(client, message)).toMatchObject({ code: "unsupported_input" });
    client.cut();
  });

  test("to those who only watch", async () => {
    const client = await play();
    const { session, viewer_token: token } = await client.event("session.created");
    const viewer = await service().connect();
    viewer.send({ type: "session.resume", session, token });
    await viewer.event("session.resumed");
    for (const message of messages) {
      expect(await refused(viewer, message)).toMatchObject({ code: "unauthorized" });
    }
    client.cut();
  });

  test("as a voice of a model that has none", async () => {
    const client = await service().play();
    const change = {
      type: "params.update",
      event_id: "p",
      parameters: { sound: "voice" },
    } as const;
    expect(await refused(client, change)).toMatchObject({
      code: "bad_parameter",
      detail: { path: "parameters.sound" },
    });
    client.cut();
  });
});

test("without a synthesiser a text is answered with how to get one, and sound is still heard", async () => {
  await using here = await Service.start({
    startEngine,
    synthesise: (line, signal) => espeak(line, signal, { program: "espeak-that-is-not-there" }),
    config: { preload: ["tiny-speech"] },
  });
  const client = await here.play({ model: "tiny-speech", media: { codecs: ["vp8"], sound: true } });
  client.send({ type: "speech.say", text: "Hello." });
  const { error } = await client.event("error");
  expect(error).toMatchObject({ code: "speech_unavailable" });
  expect(error.message).toContain("apt-get install espeak-ng");

  append(client, tone(300, 16_000, 0.5));
  client.send({ type: "input_audio.commit" });
  expect(await finished(client, "u2")).toMatchObject({ played_ms: 500 });
});

test("a silent session of a model that hears goes on, and says so in its description", async () => {
  const client = await play();
  const { model, parameters } = await client.event("session.created");
  expect(model.speech).toEqual({ sample_rate: 16_000, look_ahead_ms: 40 });
  expect(parameters.sound).toBe("voice");
  await expectAlive(client);
  client.send({ type: "params.update", parameters: { sound: "none" } });
  await client.event("session.updated", (event) => event.parameters.sound === "none");
  await client.frames(20);
  const newest = client.media.slice(-10).map(({ header }) => header.kind);
  expect(newest).not.toContain("audio");
  client.cut();
});
