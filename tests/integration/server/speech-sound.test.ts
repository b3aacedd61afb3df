import { describe, expect, test } from "vitest";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";
import { hearingServer } from "../../support/hearing.ts";
import {
  append,
  expectAlive,
  finished,
  listen,
  opusMessage,
  opusPackets,
  pcm16,
  refused,
  soundMessage,
  tone,
} from "../../support/speech.ts";

const { play } = hearingServer();

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
    [
      "a square of full scale",
      Float32Array.from({ length: 16_000 }, (_, i) => (i % 80 < 40 ? 1 : -1)),
    ],
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

  test("with a sample rate that is no number is no JSON, and the stream goes on", async () => {
    const client = await play();
    client.socket.send('{"type":"input_audio.append","audio":"AAAAAA==","sample_rate":NaN}');
    await client.error("bad_message");
    await expectAlive(client);
    client.cut();
  });

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
    ["in another format", [...soundMessage([0], 16_000)].with(3, 3), "bad_message"],
    ["with a wrong rate", [...soundMessage([0], 7_999)], "bad_parameter"],
    ["with a rate beyond all", [...soundMessage([0], 1e9)], "bad_parameter"],
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

describe("Opus", () => {
  /** A click after a quarter of a second. */
  const click = (): Promise<Uint8Array[]> =>
    opusPackets(Float32Array.from({ length: 24_000 }, (_, i) => (i / 96 === 125 ? 0.9 : 0)));
  const json = (packet: Uint8Array, change: object = {}) =>
    ({
      type: "input_audio.append",
      event_id: "o",
      format: "opus",
      audio: Buffer.from(packet).toString("base64"),
      ...change,
    }) as const;

  test.each(["JSON", "bytes"])("as %s is heard where it was said, to 10 ms", async (form) => {
    const client = await play();
    for (const packet of await click()) {
      if (form === "JSON") client.send(json(packet));
      else client.socket.send(opusMessage(packet));
    }
    client.send({ type: "input_audio.commit" });

    const started = await client.event("speech.started");
    expect(await finished(client, "u1")).toMatchObject({ played_ms: 500, interrupted: false });
    const { loudestAt } = listen(client.media);
    expect(Math.abs(loudestAt - started.pts - 250_000)).toBeLessThan(10_000);
    client.cut();
  });

  test.each([
    ["nothing at all", []],
    ["49 frames", [0b1110_0011, 49, ...new Array<number>(49).fill(1)]],
    ["180 ms", [0b0001_1011, 3, ...new Array<number>(30).fill(1)]],
    ["no count of frames", [0b1110_0011]],
    ["two halves of a different length", [0b1111_1001, 1, 2, 3]],
    ["more bytes than a packet has", new Array<number>(4_001).fill(0)],
  ])("that has %s is refused, and what comes after it is heard", async (_title, bytes) => {
    const client = await play();
    const refusal = { code: "bad_parameter", detail: { path: "audio" } };
    expect(await refused(client, json(Uint8Array.from(bytes)))).toMatchObject(refusal);
    client.socket.send(opusMessage(Uint8Array.from(bytes)));
    for (const packet of await click()) client.send(json(packet));
    client.send({ type: "input_audio.commit" });
    expect(await finished(client, "u1")).toMatchObject({ played_ms: 500, event_id: "o" });
    client.cut();
  });

  test("that is noise from its second byte on harms nobody, and neither does half a packet", async () => {
    const client = await play();
    const [packet = new Uint8Array()] = await click();
    for (let seed = 1; seed <= 200; seed++) {
      const noise = Uint8Array.from({ length: 1 + ((seed * 37) % 900) }, (_, i) =>
        i === 0 ? seed : Math.floor(1e4 * Math.abs(Math.sin(seed * 1e3 + i))),
      );
      client.socket.send(opusMessage(noise));
    }
    client.socket.send(opusMessage(packet.subarray(0, 20)));
    client.send({ type: "output.clear" });
    await client.event("output.cleared");
    for (const good of await click()) client.send(json(good));
    client.send({ type: "input_audio.commit" });
    await client.event("speech.finished", ({ event_id, interrupted }) => {
      return event_id === "o" && !interrupted;
    });
    await expectAlive(client);
    client.cut();
  });

  test("has a rate of its own, and another is refused by name", async () => {
    const client = await play();
    const [packet = new Uint8Array()] = await click();
    const refusal = { code: "bad_parameter", detail: { path: "sample_rate" } };
    const wrong = json(packet, { sample_rate: 16_000 });
    expect(await refused(client, wrong)).toMatchObject(refusal);
    client.socket.send(opusMessage(packet, 24_000));
    await client.event("error", (event) => event.event_id === undefined);
    client.send(json(packet, { sample_rate: 48_000, event_id: "right" }));
    client.send({ type: "input_audio.commit" });
    expect(await finished(client, "u1")).toMatchObject({ event_id: "right", played_ms: 20 });
    client.cut();
  });

  test("and PCM are not one sound: a change of format is refused until what came is committed", async () => {
    const client = await play();
    append(client, tone(300, 48_000, 0.1), 48_000);
    const [packet = new Uint8Array()] = await click();
    expect(await refused(client, json(packet))).toMatchObject({
      code: "bad_parameter",
      detail: { path: "format" },
    });
    client.send({ type: "input_audio.commit" });
    client.send(json(packet));
    client.send({ type: "input_audio.commit" });
    expect(await finished(client, "u2")).toMatchObject({ played_ms: 20 });
    client.cut();
  });

  test("in a format that there is not is refused by name", async () => {
    const client = await play();
    const message = json(Uint8Array.of(1), { format: "mp3" }) as unknown as ClientMessageInput;
    expect(await refused(client, message)).toMatchObject({
      code: "bad_parameter",
      detail: { path: "format" },
    });
    client.cut();
  });
});
