import { InferenceSession, Tensor } from "onnxruntime-node";
import { type CacheLayout, floatsPerSlot } from "../../cache/layout.ts";
import {
  FloatVectors,
  type FreshTokens,
  type KeyValueStore,
  type Placement,
} from "../../cache/store.ts";
import { StreamError, toStreamError } from "../../core/errors.ts";
import type { CacheMemory } from "../cache-memory.ts";
import type { Buffers } from "../graph.ts";
import { commitGraph } from "./commit-graph.ts";
import { DeviceCell } from "./device-tensor.ts";
import { locations } from "./graph.ts";

const NEXT = ["next_key", "next_value"] as const;

/** The sessions that write to caches on a device, shared by every generation. Lifetime: until `close`. */
export class CommitSessions {
  readonly layout: CacheLayout;
  readonly #writers: ReadonlyMap<number, InferenceSession>;
  /** Hands the cache out. */
  readonly #reader: InferenceSession;

  private constructor(
    layout: CacheLayout,
    writers: ReadonlyMap<number, InferenceSession>,
    reader: InferenceSession,
  ) {
    this.layout = layout;
    this.#writers = writers;
    this.#reader = reader;
  }

  /** `tokens`: the token counts of the passes there are. */
  static async open(
    layout: CacheLayout,
    tokens: readonly number[],
    options: InferenceSession.SessionOptions,
  ): Promise<CommitSessions> {
    const writers = new Map<number, InferenceSession>();
    const staying = { ...options, preferredOutputLocation: locations(NEXT, NEXT) };
    for (const count of new Set(tokens)) {
      writers.set(count, await InferenceSession.create(commitGraph(layout, count), staying));
    }
    const one = commitGraph(layout, layout.tokensPerFrame);
    return new CommitSessions(layout, writers, await InferenceSession.create(one, options));
  }

  /** Put slots `index` of the cached and the fresh tokens where the cache is. */
  async write(cache: CacheCells, fresh: FreshCells, index: Int32Array): Promise<void> {
    const session = this.#writers.get(fresh.tokens);
    if (session === undefined) throw new TypeError(`no pass has ${fresh.tokens} tokens`);
    const { next_key, next_value } = await session.run({
      ...cacheFeeds(cache),
      key: fresh.key.tensor,
      value: fresh.value.tensor,
      index: new Tensor("int32", index, [index.length]),
    });
    cache.key.put(next_key as Tensor);
    cache.value.put(next_value as Tensor);
  }

  /** A copy of the cache in this process's memory. */
  async read(cache: CacheCells): Promise<FloatVectors> {
    const { layers, heads, headDim, tokensPerFrame } = this.layout;
    const shape = [layers, heads, tokensPerFrame, headDim];
    const nothing = new Tensor(
      "float32",
      new Float32Array(shape.reduce((n, m) => n * m, 1)),
      shape,
    );
    const index = identity(slotCount(this.layout));
    const answers = await this.#reader.run({
      ...cacheFeeds(cache),
      key: nothing,
      value: nothing,
      index: new Tensor("int32", index, [index.length]),
    });
    return new FloatVectors(this.layout, slotCount(this.layout), {
      key: answers["next_key"]?.data as Float32Array,
      value: answers["next_value"]?.data as Float32Array,
    });
  }

  async close(): Promise<void> {
    for (const session of this.#writers.values()) await session.release();
    await this.#reader.release();
  }
}

/** A cache's keys and values on the device. */
interface CacheCells {
  readonly key: DeviceCell;
  readonly value: DeviceCell;
}

/** A pass's keys and values on the device. */
interface FreshCells {
  readonly key: DeviceCell;
  readonly value: DeviceCell;
  readonly tokens: number;
}

const cacheFeeds = ({ key, value }: CacheCells): Record<string, Tensor> => ({
  cache_key: key.tensor,
  cache_value: value.tensor,
});

/** Slots of a layer: a device holds sinks and the window, and no memory besides. */
const slotCount = ({ slots }: CacheLayout): number => slots.least;

const identity = (length: number): Int32Array => Int32Array.from({ length }, (_, slot) => slot);

/** Keys and values that never leave the device, except for snapshots. */
export class DeviceMemory implements CacheMemory, KeyValueStore {
  readonly store: KeyValueStore = this;
  readonly host = undefined;
  readonly inputs: Buffers;
  readonly #sessions: CommitSessions;
  readonly #cache: CacheCells;
  readonly #fresh: DeviceCell[] = [];

  constructor(sessions: CommitSessions) {
    this.#sessions = sessions;
    this.#cache = {
      key: new DeviceCell(this.#zeros()),
      value: new DeviceCell(this.#zeros()),
    };
    this.inputs = { cache_key: this.#cache.key, cache_value: this.#cache.value };
  }

  pass(tokens: number): { readonly outputs: Buffers; readonly fresh: FreshTokens } {
    const key = new DeviceCell();
    const value = new DeviceCell();
    this.#fresh.push(key, value);
    const writeTo = (placements: readonly Placement[]): Promise<void> =>
      this.#write({ key, value, tokens }, placements);
    return { outputs: { key, value }, fresh: { writeTo } };
  }

  get capacity(): number {
    return slotCount(this.#sessions.layout);
  }

  get bytesPerSlot(): number {
    const { heads, headDim } = this.#sessions.layout;
    return 2 * Float32Array.BYTES_PER_ELEMENT * heads * headDim;
  }

  prepare(): void {
    // Graphs read them where they are.
  }

  /** @throws {StreamError} `bad_parameter` for another capacity than there is. */
  resize(capacity: number): void {
    if (capacity === this.capacity) return;
    throw new StreamError("bad_parameter", "a cache on a device cannot change its size");
  }

  async vectors(): Promise<FloatVectors> {
    return await this.#sessions.read(this.#cache);
  }

  load({ key, value }: FloatVectors): void {
    this.#cache.key.put(this.#tensor(key.slice()));
    this.#cache.value.put(this.#tensor(value.slice()));
  }

  clear(): void {
    this.#cache.key.put(this.#zeros());
    this.#cache.value.put(this.#zeros());
  }

  release(): void {
    for (const tensor of [this.#cache.key, this.#cache.value, ...this.#fresh]) tensor.dispose();
  }

  async #write(fresh: FreshCells, placements: readonly Placement[]): Promise<void> {
    const { tokensPerFrame } = this.#sessions.layout;
    const slots = slotCount(this.#sessions.layout);
    const index = identity(slots);
    for (const { frame, index: own } of placements) {
      // Nothing is merged on a device, so that all layers have their tokens in the same slots.
      for (const [token, slot] of frame.slots[0]?.entries() ?? []) {
        index[slot] = slots + own * tokensPerFrame + token;
      }
    }
    try {
      await this.#sessions.write(this.#cache, fresh, index);
    } catch (cause) {
      throw toStreamError(cause, "inference_failed", "reset-cache");
    }
  }

  #zeros(): Tensor {
    const { layout } = this.#sessions;
    return this.#tensor(new Float32Array(slotCount(layout) * floatsPerSlot(layout)));
  }

  #tensor(floats: Float32Array): Tensor {
    const { layers, heads, headDim } = this.#sessions.layout;
    return new Tensor("float32", floats, [
      layers,
      heads,
      slotCount(this.#sessions.layout),
      headDim,
    ]);
  }
}
