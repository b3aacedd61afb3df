/** Engines for tests: real processes on a tiny package, and what their sessions are asked. */

import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Logger, silentLogger } from "../../src/core/log.ts";
import { as } from "../../src/core/units.ts";
import type {
  BlockRequest,
  BlockResult,
  CacheOptions,
  EngineEvent,
  EngineOptions,
  EngineSession,
  RenditionOptions,
  SessionOptions,
} from "../../src/stream/engine/contract.ts";
import { type Engine, startEngine } from "../../src/stream/engine/supervisor.ts";

/** The folder of a fixture package. */
export const fixture = (id: string): string =>
  fileURLToPath(new URL(`../fixtures/${id}`, import.meta.url));

/** All that the tiny separable package's cache keeps. */
export const WHOLE_CACHE: CacheOptions = { policy: "window", windowFrames: 15, sinkFrames: 1 };

/** The raw picture as packets. */
export const RAW: RenditionOptions = { id: 0, codec: "rgb", bitrate: 0 };

/** Options of a session that draws no markers. */
export const sessionOptions = (id: string, seed = 1): SessionOptions => ({
  id,
  seed,
  cache: WHOLE_CACHE,
  markers: false,
});

/** Ask for the block `index` of a little play: controls that differ from block to block. */
export const request = (index: number, change: Partial<BlockRequest> = {}): BlockRequest => ({
  control: Float32Array.of(index % 2, Math.sin(index), index % 3 === 0 ? 1 : 0, 0),
  epoch: index,
  steps: 2,
  sound: "none",
  renditions: [RAW],
  keyframes: [],
  ...change,
});

/** Make `count` blocks from block `from` on. */
export async function play(
  session: EngineSession,
  from: number,
  count: number,
): Promise<BlockResult[]> {
  const blocks: BlockResult[] = [];
  for (let i = from; i < from + count; i++) blocks.push(await session.next(request(i)));
  return blocks;
}

/** The raw pictures of `blocks`, to be compared bit for bit. */
export const pictures = (blocks: readonly BlockResult[]): string[] =>
  blocks.flatMap(({ packets }) => packets.map(({ data }) => Buffer.from(data).toString("base64")));

/** An engine and everything it said; disposing it ends its process. */
export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly events: EngineEvent[];
  /** Settles when an event of this type was said. */
  happened(type: EngineEvent["type"]): Promise<void>;
}

/** Start a real engine process. */
export async function realEngine(
  options: Partial<EngineOptions> = {},
  logger: Logger = silentLogger,
): Promise<TestEngine> {
  const events: EngineEvent[] = [];
  const all: EngineOptions = {
    packagePath: fixture("tiny-separable"),
    provider: "cpu",
    callDeadline: as(60_000),
    ...options,
  };
  const heard = new EventEmitter();
  const onEvent = (event: EngineEvent) => {
    events.push(event);
    heard.emit(event.type);
  };
  const engine = await startEngine(all, onEvent, logger);
  return {
    engine,
    events,
    happened: async (type) => {
      if (!types(events).includes(type)) await once(heard, type);
    },
    [Symbol.asyncDispose]: () => engine.close(),
  };
}

/** The types of `events` in order. */
export const types = (events: readonly EngineEvent[]): string[] => events.map(({ type }) => type);
