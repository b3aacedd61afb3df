import { StreamError } from "../../core/errors.ts";
import type { Sound } from "../synthesiser.ts";

/** Where the canonical header of a WAV file says what it holds (RIFF, little-endian). */
const AT = { format: 20, channels: 22, rate: 24, bits: 34, samples: 44 } as const;
const PCM = 1;
const FULL_SCALE = 2 ** 15;

/**
 * The sound of a WAV file with the canonical header, mono, 16 bits; what the header says of its length is not read,
 * since a program that writes to a pipe does not know it.
 *
 * @throws {StreamError} `speech_failed` for any other file.
 */
export function soundOfWav(file: Buffer): Sound {
  const isWav =
    file.length >= AT.samples &&
    file.toString("latin1", 0, 4) === "RIFF" &&
    file.readUInt16LE(AT.format) === PCM &&
    file.readUInt16LE(AT.channels) === 1 &&
    file.readUInt16LE(AT.bits) === 16;
  if (!isWav) throw new StreamError("speech_failed", "the synthesiser wrote no sound");
  return {
    samples: floatsOf(file.subarray(AT.samples)),
    rate: file.readUInt32LE(AT.rate),
  };
}

/** Samples of 16 bits, little-endian, as float32 in [-1, 1); half a sample at the end is dropped. */
function floatsOf(pcm: Buffer): Float32Array {
  return Float32Array.from(
    { length: Math.floor(pcm.length / 2) },
    (_, i) => pcm.readInt16LE(2 * i) / FULL_SCALE,
  );
}
