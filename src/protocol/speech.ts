/** Speech on its way to a session: the messages about it, and sound as bytes. */

import { z } from "zod";
import { StreamError } from "../core/errors.ts";

/** Bounds of what may be said; part of the contract (docs/protocol.md). */
export const SPEECH = {
  /** Characters of one text: some three minutes. */
  characters: 2_000,
  /** Samples a second of what is appended. */
  rates: { least: 8_000, most: 48_000 },
} as const;

const DEFAULT_RATE = 16_000;
const FULL_SCALE = 2 ** 15;

const eventId = z.string().min(1).max(64).optional();
const sampleRate = z
  .number()
  .int()
  .min(SPEECH.rates.least)
  .max(SPEECH.rates.most)
  .default(DEFAULT_RATE);

/** Samples of 16 bits with a sign, little-endian, one channel, in base64; float32 in [-1, 1) once parsed. */
const pcm = z.base64().transform((text, context) => {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  if (bytes.length > 0 && bytes.length % 2 === 0) return samplesOf(bytes);
  context.addIssue({ code: "custom", message: "must be whole samples of two bytes" });
  return z.NEVER;
});

const bare = <T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), event_id: eventId });

/** Every message about what is said. */
export const speechMessages = [
  z.strictObject({
    type: z.literal("speech.say"),
    event_id: eventId,
    text: z.string().min(1).max(SPEECH.characters),
    /** A voice of the server's synthesiser. */
    voice: z
      .string()
      .max(32)
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9+_-]*$/, "letters, digits, +, - and _")
      .optional(),
  }),
  z.strictObject({
    type: z.literal("input_audio.append"),
    event_id: eventId,
    audio: pcm,
    sample_rate: sampleRate,
  }),
  bare("input_audio.commit"),
  bare("input_audio.clear"),
  bare("output.clear"),
] as const;

/** Sound to append, as a message in bytes says it. */
export interface AppendedSound {
  readonly type: "input_audio.append";
  readonly event_id?: string | undefined;
  /** Mono, float32 in [-1, 1). */
  readonly audio: Float32Array;
  readonly sample_rate: number;
}

/** Bytes before the samples of a binary message. */
const HEADER_BYTES = 8;
const MAGIC = 0x5a41;
const VERSION = 1;
/** PCM, 16 bits with a sign, little-endian, one channel. */
const PCM16 = 1;

/**
 * Read `input_audio.append` in bytes: 8 little-endian bytes, then the samples.
 *
 * offset size field
 *      0    2 magic 0x5A41 ("AZ" as bytes 41 5A)
 *      2    1 version 1
 *      3    1 format: 1 PCM, 16 bits with a sign, little-endian, one channel
 *      4    4 samples a second
 *
 * @throws {StreamError} `bad_message` when it is no such message, `bad_parameter` for a rate or a length that cannot be.
 */
export function parseSoundMessage(message: Uint8Array): AppendedSound {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const isSound =
    message.length >= HEADER_BYTES &&
    view.getUint16(0, true) === MAGIC &&
    view.getUint8(2) === VERSION &&
    view.getUint8(3) === PCM16;
  if (!isSound) throw new StreamError("bad_message", "a binary message must be sound, in PCM");
  const rate = sampleRate.safeParse(view.getUint32(4, true));
  if (!rate.success) throw badSound("sample_rate", rate.error.issues[0]?.message ?? "invalid");
  const bytes = message.subarray(HEADER_BYTES);
  if (bytes.length === 0 || bytes.length % 2 !== 0) {
    throw badSound("audio", "must be whole samples of two bytes");
  }
  return { type: "input_audio.append", audio: samplesOf(bytes), sample_rate: rate.data };
}

const badSound = (path: string, message: string): StreamError =>
  new StreamError("bad_parameter", `input_audio.append: ${path}: ${message}`, { detail: { path } });

function samplesOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from(
    { length: bytes.length / 2 },
    (_, i) => view.getInt16(2 * i, true) / FULL_SCALE,
  );
}
