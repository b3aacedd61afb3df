import { afterAll, beforeAll, expect, test } from "vitest";
import { openSoundEncoder } from "../../../src/media/codecs/open.ts";
import { PACKET_SAMPLES } from "../../../src/media/sound-encoder.ts";
import { startEngine } from "../../../src/stream/engine/supervisor.ts";
import { Service, until } from "../../support/service.ts";
import { expectAlive, tone } from "../../support/speech.ts";
import { WishClient } from "../../support/wish-client.ts";

let service: Service;

beforeAll(async () => {
  service = await Service.start({ startEngine, config: { preload: ["tiny-speech"] } });
});

afterAll(() => service[Symbol.asyncDispose]());

/** A microphone that is connected; it sends packets of 20 ms as time goes by, as loud as `level`, until disposed. */
async function microphone(session: string, token: string) {
  const client = new WishClient({ codec: "vp8", direction: "sendonly", channels: false });
  await client.call(new URL(`/v1/sessions/${session}/whip`, service.address), token);
  await until(() => client.isConnected, "the microphone to be connected");
  const encoder = await openSoundEncoder();
  const state = { level: 0 };
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    for (; sent * 20 < performance.now() - began; sent++) {
      const packet = encoder.encode(tone(300, 48_000, 0.02, state.level));
      void client.sendAudio(packet, sent * PACKET_SAMPLES);
    }
  }, 5);
  return {
    state,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      encoder.close();
      const headers = { authorization: `Bearer ${token}` };
      await service.fetch(client.location, { method: "DELETE", headers });
      await client[Symbol.asyncDispose]();
    },
  };
}

test("whoever speaks into a microphone is told of, begin and end, and cut short by a text", async () => {
  const client = await service.play({ model: "tiny-speech", media: { codecs: ["vp8"] } });
  const { session, token } = await client.event("session.created");
  await using mic = await microphone(session, token);
  await expectAlive(client);
  expect(client.events.some(({ type }) => type === "speech.started")).toBe(false);

  mic.state.level = 0.3;
  const started = await client.event("speech.started");
  await client.frames(20);
  mic.state.level = 0;
  const over = await client.event("speech.finished");

  expect(started).toMatchObject({ utterance: "u1", source: "microphone" });
  expect(started).not.toHaveProperty("event_id");
  expect(over).toMatchObject({ utterance: "u1", source: "microphone", interrupted: false });
  expect(over.played_ms).toBe((over.pts - started.pts) / 1000);
  expect(over.played_ms).toBeGreaterThanOrEqual(60);

  mic.state.level = 0.3;
  await client.event("speech.started", ({ utterance }) => utterance === "u2");
  client.send({ type: "speech.say", text: "One moment." });
  const cut = await client.event("speech.finished", ({ utterance }) => utterance === "u2");
  const said = await client.event("speech.started", ({ source }) => source === "text");
  expect(cut).toMatchObject({ source: "microphone", interrupted: true, pts: said.pts });
  client.cut();
});
