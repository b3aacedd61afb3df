import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { SingleBar } from "cli-progress";
import { systemClock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as } from "../../core/units.ts";
import { openMuxedFile } from "../../media/files/muxed-file.ts";
import { openTranscodedFile, type TranscodedFormat } from "../../media/files/transcoded-file.ts";
import type { VideoFile } from "../../media/files/video-file.ts";
import { loadPackage } from "../../models/package.ts";
import { type ActionLog, parseActionLog } from "../../protocol/action-log.ts";
import type { RenditionCodec } from "../../stream/engine/contract.ts";
import { startEngine } from "../../stream/engine/supervisor.ts";
import type { Config, RawConfig } from "../config.ts";
import { openLogger } from "../logger.ts";
import { findModels, type Models, type OfferedModel } from "../models.ts";
import { render, renderRendition } from "../render.ts";
import { configOf } from "./options.ts";
import { bold, note, print } from "./output.ts";

/** Flags of `render`; what is absent comes from the action log, or is a default. */
export interface RenderFlags {
  readonly output: string;
  readonly actions?: string;
  readonly model?: string;
  readonly seed?: number;
  readonly start?: string;
  readonly steps?: number;
  readonly frames?: number;
  readonly seconds?: number;
  readonly bitrate: number;
  readonly scale: number;
}

/** How a file with this ending is made. */
interface Container {
  readonly format: TranscodedFormat;
  /** Codec of the packets that go into it as they are; undefined where ffmpeg must make it. */
  readonly codec: Exclude<RenditionCodec, "rgb"> | undefined;
}

const CONTAINERS: Readonly<Record<string, Container>> = {
  ".mp4": { format: "mp4", codec: "h264" },
  ".webm": { format: "webm", codec: "vp8" },
  ".gif": { format: "gif", codec: undefined },
};

/** Seconds of a video for which neither the flags nor the log say how long it is. */
const DEFAULT_SECONDS = 10;
const MOST_SCALE = 16;

/**
 * `zoetrope render`: an action log into a video file.
 *
 * @throws {StreamError} `bad_request` for flags or a log that make no sense, or the reason rendering failed.
 */
export async function renderFile(flags: RenderFlags & RawConfig): Promise<void> {
  const { config } = configOf(flags);
  const container = containerOf(flags);
  const log = withFlags(await readLog(flags.actions), flags);
  const model = chosenModel(await findModels(config.models, loadPackage), log.model);
  const codec = flags.scale > 1 ? "rgb" : (container.codec ?? "rgb");
  const frames = framesOf(flags, log, model);
  const engine = await openEngine(model, config);
  try {
    const file = await openFile(flags, model, { format: container.format, codec });
    const bar = progressBar(frames, model.session.frameRate);
    const began = systemClock.now();
    const bytes = await render({
      model,
      engine,
      log,
      frames,
      rendition: renderRendition(codec, flags.bitrate),
      file,
      progress: bar.update,
    }).finally(bar.stop);
    const took = (systemClock.now() - began) / 1000;
    report({ path: flags.output, frames, bytes, took, frameRate: model.session.frameRate });
  } finally {
    await engine.close();
  }
}

const openEngine = (model: OfferedModel, config: Config) =>
  startEngine(
    {
      packagePath: model.modelPackage.path,
      provider: config.provider,
      ...(config.threads !== undefined && { intraOpThreads: config.threads }),
      callDeadline: as(config.deadline * 1000),
    },
    () => undefined,
    openLogger({ level: "warn", form: "readable", to: process.stderr }),
  );

function openFile(
  { output, scale }: RenderFlags,
  { summary: { video } }: OfferedModel,
  { format, codec }: { readonly format: TranscodedFormat; readonly codec: RenditionCodec },
): Promise<VideoFile> {
  const { width, height, frame_rate: frameRate } = video;
  const options = { path: output, width, height, frameRate };
  return codec === "rgb"
    ? openTranscodedFile({ ...options, codec, format, scale })
    : openMuxedFile({ ...options, codec });
}

function containerOf({ output, scale }: RenderFlags): Container {
  const container = CONTAINERS[extname(output).toLowerCase()];
  if (container === undefined) {
    const known = Object.keys(CONTAINERS).join(", ");
    throw new StreamError("bad_request", `${output}: the file must end in one of ${known}`);
  }
  if (scale >= 1 && scale <= MOST_SCALE) return container;
  throw new StreamError("bad_request", `--scale must be from 1 to ${MOST_SCALE}`);
}

async function readLog(path: string | undefined): Promise<ActionLog> {
  if (path === undefined) return { actions: [] };
  try {
    return parseActionLog(await readFile(path === "-" ? "/dev/stdin" : path, "utf8"));
  } catch (cause) {
    if (StreamError.is(cause)) throw cause;
    throw new StreamError("bad_request", `cannot read the action log ${path}`, { cause });
  }
}

/** `log` with what the flags say instead. */
const withFlags = (log: ActionLog, { model, seed, start, steps }: RenderFlags): ActionLog => ({
  ...log,
  ...(model !== undefined && { model }),
  ...(seed !== undefined && { seed }),
  ...(start !== undefined && { start }),
  ...(steps !== undefined && { steps }),
});

function chosenModel(models: Models, id: string | undefined): OfferedModel {
  if (id !== undefined) return models.get(id);
  const [only, ...others] = models.offered;
  if (only !== undefined && others.length === 0) return only;
  const known = models.offered.map((model) => model.id).join(", ");
  throw new StreamError(
    "unknown_model",
    `say which model with --model; there are: ${known || "none"}`,
  );
}

function framesOf({ frames, seconds }: RenderFlags, log: ActionLog, model: OfferedModel): number {
  if (frames !== undefined) return Math.ceil(frames);
  if (seconds === undefined && log.frames !== undefined) return log.frames;
  return Math.ceil((seconds ?? DEFAULT_SECONDS) * model.session.frameRate);
}

interface Progress {
  readonly update: (frames: number) => void;
  readonly stop: () => void;
}

function progressBar(frames: number, frameRate: number): Progress {
  const bar = new SingleBar({
    format: "{bar} {percentage}%  {value}/{total} frames  {speed}× real time  {eta_formatted} left",
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  const began = systemClock.now();
  bar.start(frames, 0, { speed: "–" });
  return {
    update: (done) => {
      const seconds = Math.max(systemClock.now() - began, 1) / 1000;
      bar.update(done, { speed: (done / frameRate / seconds).toFixed(1) });
    },
    stop: () => {
      bar.stop();
    },
  };
}

interface Rendered {
  readonly path: string;
  readonly frames: number;
  readonly bytes: number;
  /** Seconds. */
  readonly took: number;
  readonly frameRate: number;
}

function report({ path, frames, bytes, took, frameRate }: Rendered): void {
  const length = frames / frameRate;
  print(bold(path));
  note(
    `${frames} frames (${length.toFixed(1)} s), ${(bytes / 2 ** 20).toFixed(2)} MiB, ` +
      `in ${took.toFixed(1)} s: ${(length / took).toFixed(1)}× real time`,
  );
}
