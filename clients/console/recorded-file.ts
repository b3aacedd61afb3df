/** A finished recording. */
export interface RecordedFile {
  readonly blob: Blob;
  readonly extension: "mp4" | "webm";
  readonly frames: number;
}

/** A recording that runs. Lifetime: until `finish`; the file is held in memory until then. */
export interface Recording {
  /** Close the file; undefined when not one frame came. */
  finish(): Promise<RecordedFile | undefined>;
}
