import { type CacheAllowance, type CacheChoice, settle } from "../cache/choice.ts";
import type { CacheInspection } from "../cache/inspection.ts";
import type { CacheLayout } from "../cache/layout.ts";
import type { CacheReport } from "../cache/report.ts";
import { ByteReader, ByteWriter } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { StreamError } from "../core/errors.ts";
import { as, type Millis } from "../core/units.ts";
import { historyShape } from "./arena.ts";
import type { CacheMemory } from "./cache-memory.ts";
import type {
  Beginning,
  BlockInput,
  GeneratedBlock,
  Generation,
  PastBlock,
  RecentHistory,
} from "./contract.ts";
import { Decoder } from "./decoder.ts";
import { FusedCommitModel, SeparateCommitModel } from "./entangled.ts";
import { History } from "./history.ts";
import type { ModelPackage } from "./package.ts";
import { PerStepModel } from "./per-step.ts";
import { placeCaches } from "./place-caches.ts";
import type { PlacedCache } from "./placed-cache.ts";
import { type Quantiser, quantiserOf } from "./quantiser.ts";
import { sampleBlock } from "./sampler.ts";
import { SeparableModel } from "./separable.ts";
import { type GenerationHead, packGeneration, unpackGeneration } from "./snapshot.ts";
import { Hearing, speechShape } from "./speech.ts";
import type { Starts } from "./starts.ts";
import type { GraphSet, WorldModel, WorldModelParts } from "./world-model.ts";

/** What a generation is made of. */
export interface GenerationParts {
  readonly modelPackage: ModelPackage;
  readonly graphs: GraphSet;
  /** Makes room for a cache where the graphs run. */
  readonly memory: (layout: CacheLayout) => CacheMemory;
  readonly starts: Starts;
  readonly clock: Clock;
}

/** What a block is made from. */
interface Making {
  readonly control: Float32Array;
  readonly sigmas: readonly number[];
  readonly began: Millis;
  readonly goOnFrom: Float32Array | undefined;
}

/** A generation over a package's graphs; all arrays are allocated when it opens. */
export class PackageGeneration implements Generation {
  readonly #package: ModelPackage;
  readonly #starts: Starts;
  readonly #clock: Clock;
  readonly #quantise: Quantiser;
  readonly #history: History;
  readonly #allowance: CacheAllowance;
  readonly #hearing: Hearing;
  readonly #caches: readonly PlacedCache[];
  readonly #model: WorldModel;
  readonly #decoder: Decoder;
  #choice: CacheChoice;
  #seed: number;
  #block = 0;

  private constructor(parts: GenerationParts, hearing: Hearing, { seed, cache }: Beginning) {
    const { modelPackage, graphs, starts, clock } = parts;
    const { manifest } = modelPackage;
    this.#package = modelPackage;
    this.#starts = starts;
    this.#clock = clock;
    this.#seed = seed;
    this.#choice = cache;
    this.#quantise = quantiserOf(manifest.lanes.video.latent.quantiser);
    this.#history = new History(historyShape(manifest));
    this.#hearing = hearing;
    const { caches, allowance } = placeCaches(parts, cache);
    this.#caches = caches;
    this.#allowance = allowance;
    this.#model = worldModel({
      manifest,
      graphs,
      caches: this.#caches,
      history: this.#history,
      speech: hearing.features,
      seed: () => this.#seed,
    });
    this.#decoder = new Decoder(manifest, graphs);
  }

  /** @throws {StreamError} `unknown_start`, `bad_parameter`, `inference_failed`. */
  static async open(parts: GenerationParts, beginning: Beginning): Promise<PackageGeneration> {
    requireSeed(beginning.seed);
    const hearing = await Hearing.open(speechShape(parts.modelPackage.manifest), parts.graphs);
    const generation = new PackageGeneration(parts, hearing, beginning);
    await generation.configureCache(beginning.cache);
    generation.#history.begin(await parts.starts.first(beginning), hearing.silence);
    return generation;
  }

  get block(): number {
    return this.#block;
  }

  get cache(): CacheReport {
    const reports = this.#caches.map(({ report }) => report);
    const bytes = reports.reduce((sum, report) => sum + report.bytes, 0);
    return { ...this.#first.report, bytes: as(bytes) };
  }

  get inspection(): CacheInspection {
    return this.#first.inspection;
  }

  async next({ control, steps, speech, goOnFrom }: BlockInput): Promise<GeneratedBlock> {
    const sigmas = this.#sigmas(steps);
    this.#requirePast({ latents: goOnFrom ?? this.#history.newest, control });
    const began = this.#clock.now();
    await this.#hearing.hear(speech);
    try {
      return await this.#make({ control, sigmas, began, goOnFrom });
    } catch (cause) {
      this.#hearing.takeBack();
      throw cause;
    }
  }

  /** The next block, with the speech it hears in place. */
  async #make({ control, sigmas, began, goOnFrom }: Making): Promise<GeneratedBlock> {
    await this.#model.begin(control);
    const conditioned = this.#clock.now();
    const latents = await this.#denoise(sigmas);
    const denoised = this.#clock.now();
    const pictures = await this.#decoder.decode(latents);
    this.#history.push(goOnFrom ?? latents, control, this.#hearing.features);
    this.#history.isCommitted = this.#model.commitsAtOnce;
    this.#block += 1;
    const timings = {
      encoder: as<Millis>(conditioned - began),
      denoise: as<Millis>(denoised - conditioned),
      decode: as<Millis>(this.#clock.now() - denoised),
    };
    const { voice } = this.#hearing;
    return { pictures, latents, timings, ...(voice !== undefined && { voice }) };
  }

  async reset({ seed, cache, ...first }: Beginning): Promise<void> {
    requireSeed(seed);
    settle(cache, this.#allowance);
    const latent = await this.#starts.first(first);
    this.#seed = seed;
    this.#choice = cache;
    for (const each of this.#caches) {
      each.clear();
      await each.keepBy(cache);
    }
    this.#history.begin(latent, this.#hearing.silence);
  }

  async configureCache(choice: CacheChoice): Promise<void> {
    for (const cache of this.#caches) await cache.keepBy(choice);
    this.#choice = choice;
  }

  forget(what: { readonly keepSinks: boolean }): Promise<void> {
    return attempt(() => {
      for (const cache of this.#caches) cache.forget(what);
    });
  }

  async recache({ block, frames, continues = false, heard = [] }: RecentHistory): Promise<void> {
    for (const past of frames) this.#requirePast(past);
    for (const speech of heard) await this.#hearing.hear(speech);
    const later = continues ? frames : await this.#beginWith(frames);
    for (const { latents, control, speech } of later) {
      await this.#hearing.hear(speech);
      await this.#model.commit(control);
      this.#history.push(latents, control, this.#hearing.features);
    }
    this.#block = block;
  }

  async snapshot(): Promise<Uint8Array> {
    const head: GenerationHead = {
      package: this.#package.digest,
      seed: this.#seed,
      block: this.#block,
      cache: this.#choice,
      isCommitted: this.#history.isCommitted,
    };
    const history = new ByteWriter();
    for (const part of this.#past) history.put(part);
    const caches: Uint8Array[] = [];
    for (const cache of this.#caches) caches.push(await cache.freeze());
    return packGeneration({ head, history: history.finish(), caches });
  }

  /** Checks everything before it changes anything. */
  async restore(bytes: Uint8Array): Promise<void> {
    const { head, history, caches } = unpackGeneration(bytes);
    const length = this.#past.reduce((n, part) => n + part.byteLength, 0);
    const fits = history.length === length && caches.length === this.#caches.length;
    if (head.package !== this.#package.digest || !fits) {
      throw new StreamError("snapshot_invalid", "this snapshot is of another package");
    }
    requireKeepable(head.cache, this.#allowance);
    const thaw = this.#caches.map((cache, i) => {
      const frozen = caches[i] ?? new Uint8Array();
      return cache.thawing(frozen, head.cache);
    });
    for (const begin of thaw) await begin();
    const reader = new ByteReader(history);
    for (const part of this.#past) reader.fill(part);
    this.#history.isCommitted = head.isCommitted;
    this.#choice = head.cache;
    this.#seed = head.seed;
    this.#block = head.block;
  }

  close(): Promise<void> {
    return attempt(() => {
      for (const cache of this.#caches) cache.release();
    });
  }

  /** All that a generation knows of its past besides the cache. */
  get #past(): readonly Float32Array[] {
    return [...this.#history.parts, this.#hearing.heard];
  }

  get #first(): PlacedCache {
    const [first] = this.#caches;
    if (first === undefined) throw new TypeError("a generation needs a cache");
    return first;
  }

  /** The next block's clean latents, [F, C, H, W]; the receiver owns them. */
  async #denoise(sigmas: readonly number[]): Promise<Float32Array> {
    const { prediction, solver } = this.#package.manifest.schedule;
    const latents = new Float32Array(this.#history.newest.length);
    const sampling = { prediction, solver, sigmas, seed: this.#seed, block: this.#block };
    await sampleBlock(this.#model, sampling, latents);
    requireFinite(latents);
    this.#quantise(latents);
    return latents;
  }

  /** Let the oldest of `blocks` be the beginning; returns those after it. */
  async #beginWith([first, ...later]: readonly PastBlock[]): Promise<readonly PastBlock[]> {
    if (first === undefined) {
      throw badParameter("frames", "a cache is rebuilt from at least one block");
    }
    for (const cache of this.#caches) cache.clear();
    await this.#hearing.hear(first.speech);
    this.#history.beginWith(first.latents, first.control, this.#hearing.features);
    return later;
  }

  #requirePast({ latents, control }: PastBlock): void {
    this.#requireControl(control);
    if (latents.length === this.#history.newest.length) return;
    throw badParameter("frames", `a block has ${this.#history.newest.length} latent values`);
  }

  #sigmas(steps: number): readonly number[] {
    const { sigmas } = this.#package.manifest.schedule;
    const levels = Object.hasOwn(sigmas, steps) ? sigmas[String(steps)] : undefined;
    if (levels !== undefined) return levels;
    throw badParameter(
      "steps",
      `this model has schedules for ${Object.keys(sigmas).join(", ")} steps`,
    );
  }

  #requireControl(control: Float32Array): void {
    const { controls } = historyShape(this.#package.manifest);
    if (control.length === controls) return;
    throw new StreamError(
      "bad_control",
      `a control vector of this model has ${controls} values, not ${control.length}`,
    );
  }
}

function worldModel(parts: WorldModelParts): WorldModel {
  switch (parts.manifest.commit.strategy) {
    case "encoder":
      return new SeparableModel(parts);
    case "separate":
      return new SeparateCommitModel(parts);
    case "fused":
      return new FusedCommitModel(parts);
    case "per-step":
      return new PerStepModel(parts);
  }
}

function requireSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw badParameter("seed", "a seed is a whole number from 0 to 2^53 - 1");
}

function requireKeepable(choice: CacheChoice, allowance: CacheAllowance): void {
  try {
    settle(choice, allowance);
  } catch (cause) {
    throw new StreamError("snapshot_invalid", "this snapshot keeps more than the package can", {
      cause,
    });
  }
}

/** A number that is none would stay in the cache for good. */
function requireFinite(latents: Float32Array): void {
  if (latents.every((value) => Number.isFinite(value))) return;
  throw new StreamError("inference_failed", "the model answered with a value that is no number", {
    recovery: "reset-cache",
  });
}

/** Do it now, and turn what it throws into a rejection. */
const attempt = (work: () => void): Promise<void> =>
  new Promise((resolve) => {
    work();
    resolve();
  });

const badParameter = (path: string, message: string): StreamError =>
  new StreamError("bad_parameter", message, { detail: { path } });
