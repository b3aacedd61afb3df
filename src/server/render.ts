/** A session without a viewer: an action log in, a video file out, as fast as the machine can. */

import { StreamError } from "../core/errors.ts";
import type { Bytes } from "../core/units.ts";
import type { VideoFile } from "../media/files/video-file.ts";
import type { ActionLog } from "../protocol/action-log.ts";
import { ControlState } from "../stream/controls.ts";
import type { EngineSession, RenditionOptions } from "../stream/engine/contract.ts";
import { changeParameters, defaultParameters } from "../stream/parameters.ts";
import type { RunningEngine } from "./engines.ts";
import type { OfferedModel } from "./models.ts";

/** What is rendered. */
export interface RenderOptions {
  readonly model: OfferedModel;
  readonly engine: RunningEngine;
  readonly log: ActionLog;
  readonly frames: number;
  readonly rendition: RenditionOptions;
  readonly file: VideoFile;
  /** Told how many frames are done. */
  readonly progress: (frames: number) => void;
}

/** Seed of a render that names none. */
const DEFAULT_SEED = 0;

/**
 * Play `log` into `file`; returns the file's size.
 *
 * The same package, log and rendition make the same pictures and packets. An action shows from the block
 * that holds its frame on; the last block is cut where the file ends.
 * @throws {StreamError} `unknown_start`, `bad_parameter`, `unknown_control`, `bad_control` for a log that does
 *   not fit the model; otherwise the engine's or the file's reason. The file is given up then.
 */
export async function render(options: RenderOptions): Promise<Bytes> {
  const { file } = options;
  try {
    const session = await open(options);
    try {
      await play(session, options);
    } finally {
      await session.close();
    }
    return await file.finish();
  } catch (cause) {
    await file.cancel();
    throw cause;
  }
}

function open({ engine, log }: RenderOptions): Promise<EngineSession> {
  const seed = log.seed ?? DEFAULT_SEED;
  return engine.open({
    id: "render",
    seed,
    ...(log.start !== undefined && { start: log.start }),
    cache: engine.cache.initial,
    markers: false,
  });
}

async function play(session: EngineSession, options: RenderOptions): Promise<void> {
  const { model, log, frames, rendition, file, progress } = options;
  const { steps } = changeParameters(
    defaultParameters(model.session, DEFAULT_SEED),
    { steps: log.steps },
    model.session,
  );
  const controls = new ControlState(model.session.controls);
  const actions = log.actions.values();
  let action = actions.next();
  for (let done = 0; done < frames; ) {
    const last = done + model.session.framesPerBlock - 1;
    while (action.done !== true && action.value.frame <= last) {
      controls.accept(action.value.values);
      action = actions.next();
    }
    const { epoch, vector } = controls.sample();
    const block = await session.next({
      control: vector,
      epoch,
      steps,
      sound: "none",
      renditions: [rendition],
      keyframes: done === 0 ? [rendition.id] : [],
    });
    const wanted = block.packets.slice(0, frames - done);
    if (wanted.length === 0) throw new StreamError("internal", "a block without pictures");
    for (const packet of wanted) await file.add(packet);
    done += wanted.length;
    progress(done);
  }
}

/** The one rendition of a render. */
export const renderRendition = (
  codec: RenditionOptions["codec"],
  bitrate: number,
): RenditionOptions => ({ id: 0, codec, bitrate });
