/** Which files are taken from outside, told by their first bytes alone. */

/** What an upload can be. */
export type UploadKind = "image" | "sound" | "video";

/** How FFmpeg is to read a file: with this demuxer and these decoders, and no others. */
export interface UploadFormat {
  readonly name: "png" | "jpeg" | "webp" | "wav" | "mp3" | "ogg" | "mp4" | "webm";
  readonly demuxer: string;
  readonly decoders: readonly string[];
  /** Undefined where the file's streams tell. */
  readonly kind: "image" | "sound" | undefined;
}

const PCM = ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"];
const image = (name: "png" | "jpeg" | "webp", decoder: string): UploadFormat => ({
  name,
  demuxer: `${name}_pipe`,
  decoders: [decoder],
  kind: "image",
});

const PNG = image("png", "png");
const JPEG = image("jpeg", "mjpeg");
const WEBP = image("webp", "webp");
const WAV: UploadFormat = { name: "wav", demuxer: "wav", decoders: PCM, kind: "sound" };
const MP3: UploadFormat = {
  name: "mp3",
  demuxer: "mp3",
  decoders: ["mp3", "mp3float"],
  kind: "sound",
};
const OGG: UploadFormat = {
  name: "ogg",
  demuxer: "ogg",
  decoders: ["opus", "libopus", "vorbis"],
  kind: "sound",
};
const MP4: UploadFormat = {
  name: "mp4",
  demuxer: "mov",
  decoders: ["h264", "hevc", "aac", "mp3", "mp3float", "opus", "libopus"],
  kind: undefined,
};
const WEBM: UploadFormat = {
  name: "webm",
  demuxer: "matroska",
  decoders: ["vp8", "vp9", "opus", "libopus", "vorbis"],
  kind: undefined,
};

interface Signature {
  readonly at: number;
  readonly bytes: string;
}

const starts = (bytes: string): Signature => ({ at: 0, bytes });

/** By file format: bytes that stand at fixed places of every such file. */
const SIGNATURES: readonly (readonly [UploadFormat, readonly Signature[]])[] = [
  [PNG, [starts("\x89PNG\r\n\x1a\n")]],
  [JPEG, [starts("\xff\xd8\xff")]],
  [WEBP, [starts("RIFF"), { at: 8, bytes: "WEBP" }]],
  [WAV, [starts("RIFF"), { at: 8, bytes: "WAVE" }]],
  [MP3, [starts("ID3")]],
  // Frame headers of MPEG-1 and MPEG-2, layer III, with and without a checksum.
  ...["\xff\xfb", "\xff\xfa", "\xff\xf3", "\xff\xf2"].map((sync) => [MP3, [starts(sync)]] as const),
  [OGG, [starts("OggS")]],
  [MP4, [{ at: 4, bytes: "ftyp" }]],
  [WEBM, [starts("\x1a\x45\xdf\xa3")]],
];

const LONGEST = 16;

/** The format of a file that begins with these bytes; undefined when it is none that is taken. Pure. */
export function formatOf(data: Uint8Array): UploadFormat | undefined {
  const head = String.fromCharCode(...data.subarray(0, LONGEST));
  const found = SIGNATURES.find(([, signatures]) =>
    signatures.every(({ at, bytes }) => head.startsWith(bytes, at)),
  );
  return found?.[0];
}
