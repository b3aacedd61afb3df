/** What tests say, and how they listen. */

import { expect } from "vitest";
import { openSoundDecoder } from "../../src/media/codecs/decode.ts";
import { openSoundEncoder } from "../../src/media/codecs/open.ts";
import { PACKET_SAMPLES } from "../../src/media/sound-encoder.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { MediaFrame } from "../../src/protocol/media-frame.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import { type Client, until } from "./service.ts";

/** Samples a second of what is heard. */
const HEARD_RATE = 48_000;

/** Samples as PCM of 16 bits, clipped. */
export function pcm16(samples: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(2 * samples.length);
  for (let i = 0; i < samples.length; i++) {
    const scaled = Math.round((samples[i] ?? 0) * 32_767);
    bytes.writeInt16LE(Math.max(-32_768, Math.min(32_767, scaled)), 2 * i);
  }
  return bytes;
}

/** Bytes of samples that one message holds. */
const MOST_PCM = 8_000;

/** Append `samples`, message by message. */
export function append(client: Client, samples: ArrayLike<number>, sample_rate = 16_000): void {
  const pcm = pcm16(samples);
  for (let at = 0; at < pcm.length; at += MOST_PCM) {
    const audio = pcm.subarray(at, at + MOST_PCM).toString("base64");
    client.send({ type: "input_audio.append", audio, sample_rate });
  }
}

/** A binary `input_audio.append`. */
export const soundMessage = (samples: ArrayLike<number>, rate: number): Buffer =>
  bytesMessage(1, pcm16(samples), rate);

/** A binary `input_audio.append` of one Opus packet. */
export const opusMessage = (packet: Uint8Array, rate = 48_000): Buffer =>
  bytesMessage(2, packet, rate);

function bytesMessage(format: number, sound: Uint8Array, rate: number): Buffer {
  const header = Buffer.from([0x41, 0x5a, 1, format, 0, 0, 0, 0]);
  header.writeUInt32LE(rate, 4);
  return Buffer.concat([header, sound]);
}

/** Whole packets of 20 ms of Opus; samples at 48 kHz that fill none are left out. */
export async function opusPackets(samples: Float32Array): Promise<Uint8Array[]> {
  const encoder = await openSoundEncoder();
  const packets: Uint8Array[] = [];
  for (let at = 0; at + PACKET_SAMPLES <= samples.length; at += PACKET_SAMPLES) {
    packets.push(encoder.encode(samples.subarray(at, at + PACKET_SAMPLES)));
  }
  encoder.close();
  return packets;
}

/** What a client heard. */
export interface Heard {
  /** The loudest sample from media time `from` to `to`, microseconds. */
  loudness(from: number, to: number): number;
  /** Media time of the loudest sample, microseconds. */
  readonly loudestAt: number;
}

/** Decode all the sound that came to a client. */
export function listen(media: readonly MediaFrame[]): Heard {
  const decoder = openSoundDecoder();
  const parts = media
    .filter(({ header }) => header.kind === "audio")
    .map(({ header, payload }) => ({ pts: header.pts, samples: decoder.decode(payload) }));
  decoder.close();
  const samples = parts.flatMap((part) =>
    [...part.samples].map((sample, i) => ({
      at: part.pts + (i * 1e6) / HEARD_RATE,
      level: Math.abs(sample),
    })),
  );
  const loudest = samples.reduce((most, sample) => (sample.level > most.level ? sample : most), {
    at: 0,
    level: 0,
  });
  return {
    loudness: (from, to) =>
      samples
        .filter(({ at }) => at >= from && at < to)
        .reduce((most, { level }) => Math.max(most, level), 0),
    loudestAt: loudest.at,
  };
}

/** A tone, in [-0.5, 0.5]. */
export const tone = (hertz: number, rate: number, seconds: number, level = 0.5): Float32Array =>
  Float32Array.from(
    { length: Math.round(rate * seconds) },
    (_, i) => level * Math.sin((2 * Math.PI * hertz * i) / rate),
  );

/** The end of what `utterance` said. */
export const finished = (client: Client, utterance: string) =>
  client.event("speech.finished", (event) => event.utterance === utterance);

/** More pictures and more sound come, and the session says nothing of an error. */
export async function expectAlive(client: Client): Promise<void> {
  const before = client.media.length;
  await until(
    () => client.media.slice(before).filter(({ header }) => header.kind === "video").length > 4,
    "more pictures",
  );
  expect(client.closeCode).toBeUndefined();
}

/** What the message was refused with; the stream goes on. */
export async function refused(client: Client, message: ClientMessageInput) {
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
