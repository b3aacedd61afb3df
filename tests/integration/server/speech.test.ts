import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { espeak } from "../../../src/media/speech/espeak.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { type Client, Service, until } from "../../support/service.ts";
import { append, listen, pcm16, soundMessage, tone } from "../../support/speech.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({
    startEngine,
    config: { sessions: 64, preload: ["tiny-speech"] },
  });
});

afterAll(() => service[Symbol.asyncDispose]());

/** A client with sound, in a session whose model hears. */
const play = (): Promise<Client> =>
  service.play({ model: "tiny-speech", media: { codecs: ["vp8"], sound: true } });

const finished = (client: Client, utterance: string) =>
  client.event("speech.finished", (event) => event.utterance === utterance);

/** More pictures and more sound come, and the session says nothing of an error. */
async function expectAlive(client: Client): Promise<void> {
  const before = client.media.length;
  await until(
    () => client.media.slice(before).filter(({ header }) => header.kind === "video").length > 4,
    "more pictures",
  );
  expect(client.closeCode).toBeUndefined();
}

/** What the message was refused with; the stream goes on. */
async function refused(client: Client, message: ClientMessageInput) {
  client.send(message);
  const eventId = "event_id" in message ? message.event_id : undefined;
  // What breaks the schema is an error, what the session cannot do is rejected.
  const isAnswer = (event: ServerEvent) =>
    (event.type === "input.rejected" || event.type === "error") && event.event_id === eventId;
  await until(() => client.events.some(isAnswer), `an answer to ${message.type}`);
  const answer = client.events.find(isAnswer);
  await expectAlive(client);
  return answer !== undefined && "error" in answer ? answer.error : undefined;
}

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

describe("sound", () => {
  const click = (rate: number): Float32Array =>
    Float32Array.from({ length: rate / 2 }, (_, i) =>
      i >= rate / 4 && i < rate / 4 + rate / 500 ? 0.9 : 0,
    );

  test.each([8_000, 16_000, 44_100, 48_000])(
    "of %i samples a second is heard where it was said, to 5 ms",
    async (rate) => {
      const client = await play();
      append(client, click(rate), rate);
      client.send({ type: "input_audio.commit" });

      const started = await client.event("speech.started");
      expect(await finished(client, "u1")).toMatchObject({ source: "audio", interrupted: false });
      const { loudestAt } = listen(client.media);
      expect(Math.abs(loudestAt - started.pts - 250_000)).toBeLessThan(5_000);
      client.cut();
    },
  );

  test("comes as bytes, too", async () => {
    const client = await play();
    for (let at = 0; at < 24_000; at += 4_000) {
      client.socket.send(soundMessage(click(48_000).subarray(at, at + 4_000), 48_000));
    }
    client.send({ type: "input_audio.commit" });

    const started = await client.event("speech.started");
    await finished(client, "u1");
    const { loudestAt } = listen(client.media);
    expect(Math.abs(loudestAt - started.pts - 250_000)).toBeLessThan(5_000);
    client.cut();
  });

  test("that was appended and not heard yet can be taken back", async () => {
    const client = await play();
    append(client, tone(300, 16_000, 10));
    await client.event("speech.started");
    client.send({ type: "input_audio.clear", event_id: "c" });

    await client.event("input.accepted", ({ event_id }) => event_id === "c");
    const over = await finished(client, "u1");
    expect(over.interrupted).toBe(true);
    expect(over.played_ms).toBeLessThan(9_000);
    client.cut();
  });

  test("beyond a minute is refused, said so, and nothing of what was taken is lost", async () => {
    const client = await play();
    client.send({ type: "generation.pause" });
    await client.event("generation.paused");
    append(client, new Float32Array(60 * 16_000 + 4_000));

    const { error } = await client.event("input.rejected");
    expect(error).toMatchObject({ code: "speech_overflow", recovery: "retry" });
    client.send({ type: "generation.resume" });
    await client.event("speech.started");
    client.send({ type: "output.clear" });
    await finished(client, "u1");
    await expectAlive(client);
    client.cut();
  });

  test.each([
    ["silence", new Float32Array(16_000)],
    [
      "music",
      tone(220, 16_000, 1).map((x, i) => x + 0.3 * Math.sin(i * 0.26) + 0.2 * Math.sin(i * 0.4)),
    ],
    ["a clipped voice", tone(150, 16_000, 1, 40)],
    ["noise", Float32Array.from({ length: 16_000 }, (_, i) => Math.sin(i * i))],
  ])("that is %s is heard like any, and the stream goes on", async (_name, samples) => {
    const client = await play();
    append(client, samples);
    client.send({ type: "input_audio.commit" });

    expect(await finished(client, "u1")).toMatchObject({ played_ms: 1_000, interrupted: false });
    await expectAlive(client);
    client.cut();
  });

  test.each([0, -1, 7_999, 48_001, 1e9, 16_000.5, "16000", null])(
    "with the sample rate %j is refused by name, and the stream goes on",
    async (sample_rate) => {
      const client = await play();
      const audio = pcm16([0, 0.1]).toString("base64");
      const message = { type: "input_audio.append", event_id: "a", audio, sample_rate };
      const error = await refused(client, message as ClientMessageInput);
      expect(error).toMatchObject({ code: "bad_parameter", detail: { path: "sample_rate" } });
      client.cut();
    },
  );

  test("whose sample rate changes is refused until what came is committed", async () => {
    const client = await play();
    append(client, tone(300, 8_000, 0.2), 8_000);
    const audio = pcm16(tone(300, 16_000, 0.1)).toString("base64");
    const message = { type: "input_audio.append", event_id: "a", audio } as const;
    expect(await refused(client, message)).toMatchObject({
      code: "bad_parameter",
      detail: { path: "sample_rate" },
    });
    client.send({ type: "input_audio.commit" });
    client.send({ ...message, event_id: "b" });
    client.send({ type: "input_audio.commit" });
    expect(await finished(client, "u2")).toMatchObject({ played_ms: 100, event_id: "b" });
    client.cut();
  });

  test.each(["", "AA==", "!!!!", "AAAA"])(
    "that is no whole sample in base64 is refused: %j",
    async (audio) => {
      const client = await play();
      const message = { type: "input_audio.append", event_id: "a", audio } as const;
      expect(await refused(client, message)).toMatchObject({
        code: "bad_parameter",
        detail: { path: "audio" },
      });
      client.cut();
    },
  );

  test.each([
    ["of another kind", [1, 2, 3], "bad_message"],
    ["of a later version", [...soundMessage([0], 16_000)].with(2, 9), "bad_message"],
    ["in another format", [...soundMessage([0], 16_000)].with(3, 2), "bad_message"],
    ["with a wrong rate", [...soundMessage([0], 4)], "bad_parameter"],
    ["without a sample", [...soundMessage([], 16_000)], "bad_parameter"],
    ["with half a sample", [...soundMessage([0], 16_000), 1], "bad_parameter"],
  ])("as bytes %s is answered, and the stream goes on", async (_title, bytes, code) => {
    const client = await play();
    client.socket.send(Buffer.from(bytes));
    await client.error(code);
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

  test("in a message beyond all bounds is told so, closed, and may come back to the session", async () => {
    const client = await play();
    const { session, token } = await client.event("session.created");
    client.send({ type: "speech.say", text: "word ".repeat(12_000) });
    await client.error("message_too_large");
    expect((await client.closed).code).toBe(1009);

    const again = await service.connect();
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
    const client = await service.play();
    expect(await refused(client, message)).toMatchObject({ code: "unsupported_input" });
    client.cut();
  });

  test("to those who only watch", async () => {
    const client = await play();
    const { session, viewer_token: token } = await client.event("session.created");
    const viewer = await service.connect();
    viewer.send({ type: "session.resume", session, token });
    await viewer.event("session.resumed");
    for (const message of messages) {
      expect(await refused(viewer, message)).toMatchObject({ code: "unauthorized" });
    }
    client.cut();
  });

  test("as a voice of a model that has none", async () => {
    const client = await service.play();
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
