import { describe, expect, it, vi } from "vitest";
import { SessionSpeech } from "../../../clients/web/session-speech.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";

/** A session's speech, and all that it sends. */
function speaking() {
  const sent: ClientMessageInput[] = [];
  const refused = vi.fn();
  let ids = 0;
  const nextId = () => `c${++ids}`;
  const speech = new SessionSpeech({
    ask: (request) => {
      const event_id = nextId();
      sent.push({ ...request, event_id });
      return Promise.resolve({ type: "input.accepted", event_id, epoch: 1 });
    },
    send: (message) => sent.push(message),
    nextId,
    refused,
    publish: () => Promise.resolve({ stop: () => undefined }),
  });
  const finish = (event_id: string, played_ms: number, interrupted = false) =>
    speech.told({
      type: "speech.finished",
      utterance: "u1",
      source: "text",
      event_id,
      pts: 0,
      played_ms,
      interrupted,
    });
  return { speech, sent, refused, finish };
}

/** The samples that messages carry. */
const samplesOf = (messages: readonly ClientMessageInput[]): number[] =>
  messages.flatMap((message) => {
    if (message.type !== "input_audio.append") return [];
    const bytes = Buffer.from(message.audio, "base64");
    return Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i));
  });

const rejection = (event_id: string): ServerEvent => ({
  type: "input.rejected",
  event_id,
  error: { code: "speech_overflow", message: "too much", recovery: "retry", detail: {} },
});

describe("what is said", () => {
  it("resolves when it was heard, and says how much", async () => {
    const { speech, sent, finish } = speaking();
    const said = speech.say("Hello.", { voice: "de" });
    expect(sent).toEqual([{ type: "speech.say", event_id: "c1", text: "Hello.", voice: "de" }]);
    await Promise.resolve();
    finish("other", 1);
    finish("c1", 700, true);
    expect(await said).toMatchObject({ played_ms: 700, interrupted: true });
  });

  it("rejects when the session ends before", async () => {
    const { speech } = speaking();
    const said = speech.say("Hello.");
    await Promise.resolve();
    speech.abandon();
    await expect(said).rejects.toMatchObject({ code: "session_ended" });
  });
});

describe("a sound", () => {
  it("goes in messages of a size that the server takes, clipped, all of one utterance", () => {
    const { speech, sent } = speaking();
    speech.append(
      Float32Array.from({ length: 9_000 }, (_, i) => (i === 0 ? -3 : i === 1 ? 3 : 0.5)),
      24_000,
    );
    expect(sent).toHaveLength(3);
    for (const message of sent) {
      expect(message).toMatchObject({ event_id: "c1", sample_rate: 24_000 });
      expect(JSON.stringify(message).length).toBeLessThan(16_384);
    }
    const samples = samplesOf(sent);
    expect(samples.slice(0, 3)).toEqual([-32_768, 32_767, 16_384]);
    expect(samples).toHaveLength(9_000);
  });

  it("of whole numbers goes as it is", () => {
    const { speech, sent } = speaking();
    const samples = Int16Array.of(-32_768, 0, 5, 32_767);
    speech.append(samples);
    expect(samplesOf(sent)).toEqual([...samples]);
  });

  it("of Opus goes packet by packet, all of one utterance", async () => {
    const { speech, sent, finish } = speaking();
    speech.appendOpus(Uint8Array.of(248, 1, 2));
    speech.appendOpus(Uint8Array.of(248, 255));
    expect(sent).toEqual(
      ["+AEC", "+P8="].map((audio) => ({
        type: "input_audio.append",
        event_id: "c1",
        format: "opus",
        audio,
      })),
    );
    const heard = speech.commit();
    finish("c1", 40);
    expect(await heard).toMatchObject({ played_ms: 40 });
  });

  it("resolves when it was committed and heard; the next one is another utterance", async () => {
    const { speech, sent, finish } = speaking();
    speech.append(Int16Array.of(1));
    const heard = speech.commit();
    speech.append(Int16Array.of(2));
    finish("c1", 40);
    expect(await heard).toMatchObject({ played_ms: 40 });
    expect(sent.map((message) => "event_id" in message && message.event_id)).toEqual([
      "c1",
      "c2",
      "c3",
    ]);
  });

  it("that is refused is told, and its commit rejects", async () => {
    const { speech, refused } = speaking();
    speech.append(Int16Array.of(1));
    speech.told(rejection("c1"));
    expect(refused).toHaveBeenCalledWith(expect.objectContaining({ code: "speech_overflow" }));
    await expect(speech.commit()).rejects.toMatchObject({ code: "speech_overflow" });
  });

  it("that never came cannot be committed", async () => {
    const { speech, sent } = speaking();
    await expect(speech.commit()).rejects.toMatchObject({ code: "state_conflict" });
    speech.append(Int16Array.of(1));
    await speech.clear();
    await expect(speech.commit()).rejects.toMatchObject({ code: "state_conflict" });
    expect(sent.at(-1)).toMatchObject({ type: "output.clear" });
  });
});
