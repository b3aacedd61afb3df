import { StreamError } from "../../core/errors.ts";
import { as, type Bytes, type Micros } from "../../core/units.ts";
import { type Moment, Moments, type TimedPicture } from "../moments.ts";
import { GrowingFile } from "./growing-file.ts";
import { type ByteSink, RecordingFile, type RecordingOptions } from "./recording-file.ts";

/** Where a recording's bytes go, and how many of them are there already. */
export interface RecordingTarget extends ByteSink {
  readonly size: Bytes;
  close(): Promise<void>;
}

/** What a recorder is made of. */
export interface RecorderOptions extends RecordingOptions {
  readonly open: () => Promise<RecordingTarget>;
  /** The recording is finished once it is about this large. */
  readonly mostBytes: Bytes;
}

/** How far a recording is. */
export interface Recorded {
  readonly frames: number;
  readonly duration: Micros;
  /** Of the file as it is at this moment. */
  readonly bytes: Bytes;
}

/** Why a recording ended; `error` is set when it failed. */
export interface RecorderEnd {
  readonly reason: "stopped" | "size" | "failed";
  readonly error?: StreamError;
}

/** Bytes that may wait in memory: for the disk, and for the end of their piece. */
const MOST_WAITING = 32 * 2 ** 20;
/** What a container adds to each packet, at most. */
const PACKET_OVERHEAD = 24;

/** A file at `path`, which must not be there yet. */
export const recordingAt = (path: string) => (): Promise<RecordingTarget> => GrowingFile.open(path);

/**
 * Writes a stream into a file as it comes, never holding the stream up.
 *
 * The recording fails, and nothing else does, when its file cannot be written or is written more slowly than
 * the stream comes.
 * Lifetime: from construction until `ended` settles: after `stop`, at its size, or when it failed.
 */
export class Recorder {
  /** Settles once nothing more is written, unless the disk hangs; never rejects. */
  readonly ended: Promise<RecorderEnd>;
  readonly #options: RecorderOptions;
  readonly #moments = new Moments();
  readonly #queue: Moment[] = [];
  readonly #wake = new Wake();
  #target: RecordingTarget | undefined;
  #taken = 0;
  #frames = 0;
  #duration: Micros = as(0);
  #stop: "stopped" | "size" | undefined;
  readonly #failed = Promise.withResolvers<never>();
  #error: StreamError | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => undefined);
    this.ended = this.#run();
  }

  get recorded(): Recorded {
    return {
      frames: this.#frames,
      duration: this.#duration,
      bytes: this.#target?.size ?? as(0),
    };
  }

  /** The next picture of the stream; what comes before the first key packet is not recorded. */
  take(picture: TimedPicture): void {
    if (this.#stop !== undefined || this.#error !== undefined) return;
    const moment = this.#moments.next(picture);
    if (moment === undefined) return;
    this.#queue.push(moment);
    this.#taken += sizeOf(moment);
    this.#frames += 1;
    this.#duration = as(moment.pts + moment.duration);
    if (this.#taken - (this.#target?.size ?? 0) > MOST_WAITING) this.#fail(tooSlow());
    if (this.#taken >= this.#options.mostBytes) this.#end("size");
    this.#wake.wake();
  }

  /** Finish the file with what was taken so far. */
  stop(): void {
    this.#end("stopped");
  }

  #end(reason: "stopped" | "size"): void {
    this.#stop ??= reason;
    this.#wake.wake();
  }

  #fail(error: StreamError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#queue.length = 0;
    this.#failed.reject(error);
    this.#wake.wake();
  }

  async #run(): Promise<RecorderEnd> {
    try {
      await Promise.race([this.#write(), this.#failed.promise]);
      return { reason: this.#stop ?? "stopped" };
    } catch (cause) {
      this.#fail(failedBy(cause));
      return { reason: "failed", ...(this.#error && { error: this.#error }) };
    }
  }

  async #write(): Promise<void> {
    const target = await this.#options.open();
    this.#target = target;
    try {
      const file = await RecordingFile.open(this.#options, target);
      for (;;) {
        const moment = this.#queue.shift();
        if (moment !== undefined) await file.add(moment);
        else if (this.#stop !== undefined || this.#error !== undefined) break;
        else await this.#wake.sleep();
      }
      if (this.#error === undefined) await file.finish(this.#moments.finish());
    } finally {
      // A file that could not be written may refuse to be closed, too; the first reason is the one to tell.
      await target.close().catch(() => undefined);
    }
  }
}

/** One waiter that is woken by whoever has something for it. */
class Wake {
  #next = Promise.withResolvers<undefined>();

  wake(): void {
    this.#next.resolve(undefined);
  }

  async sleep(): Promise<void> {
    await this.#next.promise;
    this.#next = Promise.withResolvers<undefined>();
  }
}

/** What the operating system's codes mean to whoever records. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "there is no space left on the disk",
  EDQUOT: "there is no space left on the disk",
  ENOENT: "the folder of recordings is not there",
  EACCES: "the folder of recordings may not be written",
  EROFS: "the folder of recordings may not be written",
};

/** Without the foreign message, which names paths. */
function failedBy(cause: unknown): StreamError {
  if (StreamError.is(cause)) return cause;
  const { code = "unknown" } = cause as NodeJS.ErrnoException;
  const why = REASONS[code] ?? "the file cannot be written";
  return new StreamError("recording_failed", why, { detail: { errno: code }, cause });
}

const sizeOf = ({ data, sound }: Moment): number =>
  sound.reduce((sum, packet) => sum + packet.data.length + PACKET_OVERHEAD, 0) +
  data.length +
  PACKET_OVERHEAD;

const tooSlow = (): StreamError =>
  new StreamError(
    "recording_failed",
    "the disk is slower than the stream: too much waits to be written",
    { detail: { waiting_bytes: MOST_WAITING } },
  );
