/** What must hold of a model wherever its graphs run; one suite for every provider. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CacheLayout } from "../../src/cache/layout.ts";
import { type RawFrame, SlotKind } from "../../src/cache/record.ts";
import { FloatVectors, type Vectors } from "../../src/cache/store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { cacheLayout } from "../../src/models/arena.ts";
import type { Buffers } from "../../src/models/graph.ts";
import {
  type BlockInput,
  type GeneratedBlock,
  type Generation,
  type Model,
  type ModelOptions,
  openModel,
} from "../../src/models/model.ts";
import { type OpenGraphs, openGraphs } from "../../src/models/ort/open.ts";
import { loadPackage, type ModelPackage } from "../../src/models/package.ts";
import {
  controlsOf,
  largestDistance,
  type Oracle,
  type OracleGraph,
  type OracleRollout,
  readOracle,
  sizeOf,
  speechAt,
  TINY_PACKAGES,
  tinyPath,
} from "./oracle.ts";

/** What float32 sums in another order may differ by. */
const TOLERANCE = 1e-5;
/** Roles that are given a picture. */
const PICTURE_ROLES = ["imageEncoder", "faceCheck"];
/** Milliseconds to open graphs in: a driver in software compiles each of their operations. */
const OPENING = 300_000;

/** Describe every tiny package under `options`; rollouts end after `blocks`. */
export function describeModels(options: ModelOptions, blocks = Number.POSITIVE_INFINITY): void {
  describe.each(TINY_PACKAGES)("%s", (name) => {
    const oracle = readOracle(name);
    describeGraphs(oracle, () => loadPackage(tinyPath(name)), options);
    let model: Model;
    beforeAll(async () => {
      model = await openModel(await loadPackage(tinyPath(name)), options, systemClock);
    }, OPENING);
    afterAll(() => model.close());
    it("runs where it was asked to", () => {
      expect(model.provider).toEqual({ name: options.provider, reason: "configured" });
    });
    describeRollouts(oracle, () => model, blocks);
    describeState(oracle, () => model);
  });
}

/** Every graph answers what PyTorch answers. */
function describeGraphs(
  oracle: Oracle,
  load: () => Promise<ModelPackage>,
  options: ModelOptions,
): void {
  let modelPackage: ModelPackage;
  let graphs: OpenGraphs;
  beforeAll(async () => {
    modelPackage = await load();
    graphs = await openGraphs(modelPackage, options);
  }, OPENING);
  afterAll(() => graphs.close());

  it.each(Object.keys(oracle.graphs))(
    "%s answers as in PyTorch, tensor by tensor",
    async (role) => {
      const wanted = oracle.graphs[role] as OracleGraph;
      const given = { ...buffersOf(wanted.inputs, oracle, PICTURE_ROLES.includes(role)) };
      const answers = await runGraph(role, given, wanted);
      for (const [name, tensor] of Object.entries(wanted.outputs)) {
        const distance = largestDistance(answers[name] ?? [], oracle.floats(tensor));
        expect(distance, name).toBeLessThan(TOLERANCE);
      }
    },
  );

  /** Keys and values are read out of the cache they were committed to, which may lie on a device. */
  async function runGraph(
    role: string,
    given: Record<string, Float32Array | Uint8Array>,
    wanted: OracleGraph,
  ): Promise<Record<string, ArrayLike<number>>> {
    const layout = cacheLayout(modelPackage.manifest);
    const memory = graphs.memory(layout);
    const attends = given["cache_key"] !== undefined;
    const tokens = wanted.outputs["key"]?.shape[2] ?? layout.tokensPerFrame;
    const pass = memory.pass(tokens);
    const own = Object.fromEntries(
      Object.entries(wanted.outputs)
        .filter(([name]) => !attends || (name !== "key" && name !== "value"))
        .map(([name, tensor]) => [
          name,
          name === "rgb" ? new Uint8Array(sizeOf(tensor)) : new Float32Array(sizeOf(tensor)),
        ]),
    );
    if (attends) {
      const all = floatsOf(await memory.store.vectors());
      all.key.set(given["cache_key"] as Float32Array);
      all.value.set(given["cache_value"] as Float32Array);
      memory.store.load(all);
    }
    const inputs: Buffers = attends ? { ...given, ...memory.inputs } : given;
    const outputs: Buffers = attends ? { ...pass.outputs, ...own } : own;
    await graphs
      .graph(role as "encoder")
      .bind(inputs, outputs)
      .run();
    if (!attends) return own;
    const frames = tokens / layout.tokensPerFrame;
    const placements = Array.from({ length: frames }, (_, index) => ({
      index,
      frame: firstFrames(layout, index),
    }));
    await pass.fresh.writeTo(placements);
    const all = floatsOf(await memory.store.vectors());
    const firstSlots = (floats: Float32Array): Float32Array => {
      const row = (floats.length / (layout.layers * layout.heads)) | 0;
      const rows = Array.from({ length: layout.layers * layout.heads }, (_, i) =>
        floats.subarray(i * row, i * row + tokens * layout.headDim),
      );
      return Float32Array.from(rows.flatMap((part) => [...part]));
    };
    memory.release();
    return { ...own, key: firstSlots(all.key), value: firstSlots(all.value) };
  }
}

function floatsOf(vectors: Vectors): FloatVectors {
  if (vectors instanceof FloatVectors) return vectors;
  throw new Error("floats are wanted");
}

/** A frame whose tokens lie in the slots of its number, in every layer. */
const firstFrames = ({ layers, tokensPerFrame }: CacheLayout, frame: number): RawFrame => ({
  frame,
  kind: SlotKind.raw,
  slots: Array.from({ length: layers }, () =>
    Uint32Array.from({ length: tokensPerFrame }, (_, token) => frame * tokensPerFrame + token),
  ),
});

/** Copies of an oracle's tensors, as bytes where a graph takes pictures. */
const buffersOf = (
  tensors: OracleGraph["inputs"],
  oracle: Oracle,
  pictures: boolean,
): Record<string, Float32Array | Uint8Array> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      pictures ? Uint8Array.from(oracle.floats(tensor)) : oracle.floats(tensor).slice(),
    ]),
  );

/** Rolling out with a cache is rolling out with the whole history behind a band mask. */
function describeRollouts(oracle: Oracle, model: () => Model, last: number): void {
  it.each(oracle.rollouts)(
    "rolls out like PyTorch without a cache: $policy, $steps steps",
    async (rollout) => {
      const wanted = oracle.floats(rollout.latents);
      const generation = await begin(model(), rollout);
      const blocks = await play(generation, oracle, rollout.steps, 0, last);
      for (const [block, { latents }] of blocks.entries()) {
        const at = block * latents.length;
        const distance = largestDistance(latents, wanted.subarray(at, at + latents.length));
        expect(distance, `block ${block}`).toBeLessThan(TOLERANCE);
      }
      await generation.close();
    },
  );
}

/** Seeds, snapshots, rewinding, beginning again: all bit for bit. */
function describeState(oracle: Oracle, model: () => Model): void {
  const rollout = oracle.rollouts.find(
    ({ policy, steps }) => policy !== "full" && steps === 2,
  ) as OracleRollout;

  it("makes the same stream twice from one seed, and another from another", async () => {
    const streams = [rollout, rollout, { ...rollout, seed: rollout.seed + 1 }];
    const latents: string[] = [];
    for (const each of streams) {
      const generation = await begin(model(), each);
      latents.push(digest(await play(generation, oracle, each.steps, 0, 2)));
      await generation.close();
    }
    expect(latents[0]).toBe(latents[1]);
    expect(latents[0]).not.toBe(latents[2]);
  });

  it("goes on bit for bit from a snapshot, in a fresh generation and in a used one", async () => {
    const generation = await begin(model(), rollout);
    await play(generation, oracle, rollout.steps, 0, 5);
    const bytes = await generation.snapshot();
    const went = digest(await play(generation, oracle, rollout.steps, 5, 7));
    await generation.restore(bytes);
    expect(generation.block).toBe(5);
    const rewound = digest(await play(generation, oracle, rollout.steps, 5, 7));
    const { policy } = rollout;
    const fresh = await model().open({
      seed: 99,
      cache: { policy, windowFrames: 2, sinkFrames: 0 },
    });
    await play(fresh, oracle, rollout.steps, 0, 1);
    await fresh.restore(bytes);
    expect(fresh.block).toBe(5);
    const moved = digest(await play(fresh, oracle, rollout.steps, 5, 7));
    expect([rewound, moved]).toEqual([went, went]);
    expect(await fresh.snapshot()).toEqual(await generation.snapshot());
    await Promise.all([generation.close(), fresh.close()]);
  });

  it("begins again at a reset as it began at first, while the block index goes on", async () => {
    const { seed, policy, windowFrames, sinkFrames } = rollout;
    const cache = { policy, windowFrames, sinkFrames };
    const generation = await begin(model(), rollout);
    await generation.next({ control: controlAt(oracle, 0), steps: rollout.steps });
    await generation.reset({ seed, cache });
    expect(generation.block).toBe(1);
    expect(generation.cache.slots).toBe(0);
    const again = await generation.next({ control: controlAt(oracle, 0), steps: rollout.steps });
    const fresh = await model().open({ seed, cache });
    await fresh.recache({ block: 1, frames: [startOf(model(), oracle)] });
    const wanted = await fresh.next({ control: controlAt(oracle, 0), steps: rollout.steps });
    expect(largestDistance(again.latents, wanted.latents)).toBeLessThan(TOLERANCE);
    await Promise.all([generation.close(), fresh.close()]);
  });

  it("rebuilds its cache from recent latents: the whole past gives the stream itself", async () => {
    const generation = await begin(model(), rollout);
    const made = await play(generation, oracle, rollout.steps, 0, 2);
    const past = made.map(({ latents }, block) => ({ latents, ...inputAt(oracle, block) }));
    const recent = { block: 2, frames: [startOf(model(), oracle), ...past] };
    const rebuilt = await begin(model(), rollout);
    await rebuilt.recache(recent);
    expect(rebuilt.block).toBe(2);
    // What each step saw of a block is gone with it: noised anew, it is another past, but the same each time.
    const isExact = model().modelPackage.manifest.commit.strategy !== "per-step";
    const other = isExact ? generation : await begin(model(), rollout);
    if (!isExact) await other.recache(recent);
    const next = { ...inputAt(oracle, 2), steps: rollout.steps };
    const [wanted, got] = [await other.next(next), await rebuilt.next(next)];
    expect(largestDistance(got.latents, wanted.latents)).toBeLessThan(TOLERANCE);
    expect(rebuilt.cache).toEqual(other.cache);
    await Promise.all([...new Set([generation, rebuilt, other])].map((each) => each.close()));
  });
}

const begin = (
  model: Model,
  { policy, seed, windowFrames, sinkFrames }: OracleRollout,
): Promise<Generation> => model.open({ seed, cache: { policy, windowFrames, sinkFrames } });

/** Make blocks `from` to `to` of the oracle's control script. */
async function play(
  generation: Generation,
  oracle: Oracle,
  steps: number,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Promise<GeneratedBlock[]> {
  const blocks: GeneratedBlock[] = [];
  for (let index = from; index < Math.min(to, controlsOf(oracle).length); index++) {
    const block = await generation.next({ ...inputAt(oracle, index), steps });
    blocks.push({ ...block, pictures: block.pictures.map((picture) => picture.slice()) });
  }
  return blocks;
}

/** What block `block` of the script is made under. */
const inputAt = (oracle: Oracle, block: number): Pick<BlockInput, "control" | "speech"> => {
  const speech = speechAt(oracle, block);
  return { control: controlAt(oracle, block), ...(speech !== undefined && { speech }) };
};

const controlAt = (oracle: Oracle, block: number): Float32Array =>
  controlsOf(oracle)[block] ?? new Float32Array();

/** The block a generation begins from: the start over and over, under all-zero controls. */
function startOf(model: Model, oracle: Oracle): { latents: Float32Array; control: Float32Array } {
  const { framesPerBlock } = model.modelPackage.manifest.lanes.video;
  const start = oracle.floats(oracle.start.latent);
  const latents = new Float32Array(framesPerBlock * start.length);
  for (let frame = 0; frame < framesPerBlock; frame++) latents.set(start, frame * start.length);
  return { latents, control: new Float32Array(oracle.control.shape[1] ?? 0) };
}

/** Everything in some blocks but their timings, as text. */
const digest = (blocks: readonly GeneratedBlock[]): string =>
  blocks
    .map(({ latents, pictures }) =>
      [latents.join(), ...pictures.map((one) => one.join())].join(";"),
    )
    .join("\n");
