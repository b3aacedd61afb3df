/** Open one shipped package in a real engine process, the way the server does. */

import { resolve } from "node:path";
import { type ControlValues, controlVector } from "../src/core/controls.ts";
import { silentLogger } from "../src/core/log.ts";
import { as } from "../src/core/units.ts";
import { loadPackage, type ModelPackage } from "../src/models/package.ts";
import type {
  BlockResult,
  EngineSession,
  RenditionOptions,
} from "../src/stream/engine/contract.ts";
import { type Engine, startEngine } from "../src/stream/engine/supervisor.ts";

/** A call that takes longer than this means the engine hangs. */
const CALL_DEADLINE_MS = 60_000;

/** The raw picture, so that a bench sees exactly what the model drew. */
const RAW_RENDITION: RenditionOptions = { id: 0, codec: "rgb", bitrate: 0 };

/** An engine with one open session; disposing it ends the process. */
export interface OpenBench extends AsyncDisposable {
  readonly model: ModelPackage;
  readonly engine: Engine;
  readonly session: EngineSession;
  /** Process id of the engine. */
  readonly pid: number;
  /**
   * Make the next block under `values`; raw pictures come back when `pictures` is set.
   *
   * Shapes: `speech` as `BlockSpeech.samples`; silence when absent.
   */
  next(values: ControlValues, pictures: boolean, speech?: Float32Array): Promise<BlockResult>;
}

/** Open package `id` of the `models` folder with `seed` in an engine of its own. */
export async function openBench(id: string, seed: number): Promise<OpenBench> {
  const packagePath = resolve("models", id);
  const model = await loadPackage(packagePath);
  const { manifest } = model;
  let pid = 0;
  const engine = await startEngine(
    { packagePath, provider: "auto", callDeadline: as(CALL_DEADLINE_MS) },
    (event) => {
      if (event.type === "engine-ready") pid = event.pid;
    },
    silentLogger,
  );
  const session = await engine.open({
    id: "bench",
    seed,
    cache: engine.cache.initial,
    markers: false,
  });
  return {
    model,
    engine,
    session,
    get pid() {
      return pid;
    },
    next: (values, pictures, speech) =>
      session.next({
        ...(speech !== undefined && { speech: { samples: speech, cut: false } }),
        control: controlVector(manifest.controls, values),
        epoch: 0,
        steps: manifest.schedule.defaultSteps,
        sound: "none",
        renditions: pictures ? [RAW_RENDITION] : [],
        keyframes: [],
      }),
    [Symbol.asyncDispose]: async () => {
      await session.close();
      await engine.close();
    },
  };
}
