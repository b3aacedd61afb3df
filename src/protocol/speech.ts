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

/** How appended sound is coded: samples of 16 bits with a sign, little-endian, one channel; or one Opus packet (RFC 6716). */
const soundFormat = z.enum(["pcm16", "opus"]);

const bytesOf = z
  .base64()
  .min(1)
  .transform((text): Uint8Array => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));

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
    format: soundFormat.default("pcm16"),
    audio: bytesOf,
    /** Of PCM; Opus says its own. */
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
  readonly format: z.output<typeof soundFormat>;
  /** Samples or a packet, as `format` says. */
  readonly audio: Uint8Array;
  /** Samples a second of PCM. */
  readonly sample_rate: number;
}

/** Bytes before the sound of a binary message. */
const HEADER_BYTES = 8;
const MAGIC = 0x5a41;
const VERSION = 1;
/** By their number in a binary message. */
const FORMATS: Readonly<Record<number, AppendedSound["format"]>> = { 1: "pcm16", 2: "opus" };

/**
 * Read `input_audio.append` in bytes: 8 little-endian bytes, then the sound.
 *
 * offset size field
 *      0    2 magic 0x5A41 ("AZ" as bytes 41 5A)
 *      2    1 version 1
 *      3    1 format: 1 PCM, 16 bits with a sign, little-endian, one channel; 2 one Opus packet
 *      4    4 samples a second of PCM; of Opus 48,000
 *
 * @throws {StreamError} `bad_message` when it is no such message, `bad_parameter` for a rate that cannot be.
 */
export function parseSoundMessage(message: Uint8Array): AppendedSound {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const isSound =
    message.length >= HEADER_BYTES &&
    view.getUint16(0, true) === MAGIC &&
    view.getUint8(2) === VERSION;
  const format = isSound ? FORMATS[view.getUint8(3)] : undefined;
  if (format === undefined) {
    throw new StreamError("bad_message", "a binary message must be sound, in PCM or Opus");
  }
  const rate = sampleRate.safeParse(view.getUint32(4, true));
  if (!rate.success) throw badSound("sample_rate", rate.error.issues[0]?.message ?? "invalid");
  const audio = message.subarray(HEADER_BYTES);
  if (audio.length === 0) throw badSound("audio", "must not be empty");
  if (format === "pcm16") requireWhole(audio);
  return { type: "input_audio.append", format, audio, sample_rate: rate.data };
}

/** A sound that is appended cannot be taken. */
export const badSound = (path: string, message: string): StreamError =>
  new StreamError("bad_parameter", `input_audio.append: ${path}: ${message}`, { detail: { path } });

function requireWhole(pcm: Uint8Array): void {
  if (pcm.length % 2 !== 0) throw badSound("audio", "must be whole samples of two bytes");
}

/**
 * Samples of 16 bits with a sign, little-endian, as float32 in [-1, 1).
 *
 * @throws {StreamError} `bad_parameter` for half a sample.
 */
export function samplesOf(bytes: Uint8Array): Float32Array {
  requireWhole(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from(
    { length: bytes.length / 2 },
    (_, i) => view.getInt16(2 * i, true) / FULL_SCALE,
  );
}
