/** Speech on its way to a session: the messages about it, and sound as bytes. */

import { z } from "zod";
import { StreamError } from "../core/errors.ts";

/** Bounds of what may be said; part of the contract (docs/protocol.md). */
export const SPEECH = {
  /** Characters of one text: some three minutes. */
  characters: 2_000,
  /** Samples a second of what is appended in PCM. */
  rates: { least: 8_000, most: 48_000 },
  /** Of one Opus packet: what its reference encoder writes at most, and the longest there is (RFC 6716). */
  opus: { bytes: 4_000, milliseconds: 120 },
} as const;

/** Samples a second of PCM that does not say, and of Opus. */
const DEFAULT_RATE = { pcm16: 16_000, opus: 48_000 } as const;
const FULL_SCALE = 2 ** 15;

const eventId = z.string().min(1).max(64).optional();
const sampleRate = z.number().int().min(SPEECH.rates.least).max(SPEECH.rates.most);

/** How sound is written: samples of 16 bits with a sign, little-endian, one channel; or one Opus packet. */
const soundFormat = z.enum(["pcm16", "opus"]);

type SoundFormat = z.output<typeof soundFormat>;

const bytesOfBase64 = z
  .base64()
  .transform((text): Uint8Array => Uint8Array.from(atob(text), (it) => it.charCodeAt(0)));

/** Sound to append, in the form that it came in. */
export interface AppendedSound {
  readonly format: SoundFormat;
  readonly audio: Uint8Array;
  readonly sample_rate?: number | undefined;
}

/** Samples a second of `sound`. */
export const rateOf = ({ format, sample_rate = DEFAULT_RATE[format] }: AppendedSound): number =>
  sample_rate;

/** Samples of PCM; float32 in [-1, 1). */
export function samplesOf(pcm16: Uint8Array): Float32Array {
  const view = new DataView(pcm16.buffer, pcm16.byteOffset, pcm16.byteLength);
  return Float32Array.from(
    { length: pcm16.length / 2 },
    (_, i) => view.getInt16(2 * i, true) / FULL_SCALE,
  );
}

interface Flaw {
  readonly path: "audio" | "sample_rate";
  readonly message: string;
}

/** What of `sound` cannot be, as far as that is seen without decoding it. */
function flawOf(sound: AppendedSound): Flaw | undefined {
  const { format, audio } = sound;
  if (format === "pcm16") {
    if (audio.length > 0 && audio.length % 2 === 0) return undefined;
    return { path: "audio", message: "must be whole samples of two bytes" };
  }
  if (rateOf(sound) !== DEFAULT_RATE.opus) {
    return { path: "sample_rate", message: `Opus has ${DEFAULT_RATE.opus}, or none` };
  }
  if (audio.length > 0 && audio.length <= SPEECH.opus.bytes) return undefined;
  return { path: "audio", message: `must be an Opus packet of at most ${SPEECH.opus.bytes} bytes` };
}

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
  z
    .strictObject({
      type: z.literal("input_audio.append"),
      event_id: eventId,
      format: soundFormat.default("pcm16"),
      audio: bytesOfBase64,
      sample_rate: sampleRate.optional(),
    })
    .superRefine((sound, context) => {
      const flaw = flawOf(sound);
      if (flaw !== undefined) {
        context.addIssue({ code: "custom", path: [flaw.path], message: flaw.message });
      }
    }),
  bare("input_audio.commit"),
  bare("input_audio.clear"),
  bare("output.clear"),
] as const;

/** Sound to append, as a message in bytes says it. */
export interface SoundMessage extends AppendedSound {
  readonly type: "input_audio.append";
  readonly event_id?: string | undefined;
}

/** Bytes before the sound of a binary message. */
const HEADER_BYTES = 8;
const MAGIC = 0x5a41;
const VERSION = 1;
const FORMATS: Readonly<Record<number, SoundFormat>> = { 1: "pcm16", 2: "opus" };

/**
 * Read `input_audio.append` in bytes: 8 little-endian bytes, then the sound.
 *
 * offset size field
 *      0    2 magic 0x5A41 ("AZ" as bytes 41 5A)
 *      2    1 version 1
 *      3    1 format: 1 PCM, 16 bits with a sign, little-endian, one channel; 2 one Opus packet
 *      4    4 samples a second, 48,000 for Opus
 *
 * @throws {StreamError} `bad_message` when it is no such message, `bad_parameter` for a rate or a length that cannot be.
 */
export function parseSoundMessage(message: Uint8Array): SoundMessage {
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
  const sound = { type: "input_audio.append", format, audio, sample_rate: rate.data } as const;
  const flaw = flawOf(sound);
  if (flaw === undefined) return sound;
  throw badSound(flaw.path, flaw.message);
}

/** Sound that was brought cannot be taken. */
export const badSound = (path: "audio" | "format" | "sample_rate", message: string): StreamError =>
  new StreamError("bad_parameter", `input_audio.append: ${path}: ${message}`, { detail: { path } });
