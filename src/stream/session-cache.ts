import { type CacheChoice, type SettledChoice, settle } from "../cache/choice.ts";
import { StreamError } from "../core/errors.ts";
import type { ModelCache } from "../models/model.ts";
import type {
  BlockRequest,
  BlockResult,
  CacheContents,
  EngineSession,
  Forgetting,
} from "./engine/contract.ts";
import type { CacheChanged } from "./events.ts";

/** What the cache keeps, and what it holds. */
export interface CacheView extends CacheContents {
  readonly choice: SettledChoice;
}

/** What a session begins again from. */
export interface Reset {
  readonly seed: number;
  readonly start?: string;
  /** A picture to begin from instead, [height, width, 3], uint8. */
  readonly picture?: Uint8Array;
}

/** What is asked of the cache at a block's edge. */
export interface CacheWish {
  readonly choice: CacheChoice;
  readonly reset: Reset | undefined;
}

/** One block, and what became of the cache before it. */
export interface BlockAndChanges {
  readonly result: BlockResult;
  readonly changed: readonly CacheChanged[];
}

/** Changes whose ids are told when they are in force; of more between two blocks the later ones are not. */
const MOST_IDS = 256;

/** A session's cache: what was asked of it since the newest block, and what is in force. Lifetime: the session's. */
export class SessionCache {
  readonly #engine: EngineSession;
  readonly #model: ModelCache;
  #inForce: CacheChoice;
  #wanted: CacheChoice;
  /** Ids of the changes that wait for the next edge; undefined when none does. */
  #asked: string[] | undefined;
  #forgetting: (Forgetting & { readonly eventIds: string[] }) | undefined;
  #contents: Promise<CacheContents> | undefined;

  constructor(engine: EngineSession, model: ModelCache, choice: CacheChoice) {
    this.#engine = engine;
    this.#model = model;
    this.#inForce = choice;
    this.#wanted = choice;
  }

  /** What was asked for last, as far as it can be had. */
  get wanted(): CacheChoice {
    return this.#wanted;
  }

  /** What the cache keeps now. */
  get inForce(): SettledChoice {
    return settle(this.#inForce, this.#model.allowance);
  }

  /** Another choice is wanted: say so when it is in force. */
  ask(eventId?: string): void {
    this.#asked = withId(this.#asked, eventId);
  }

  /** Empty it at the next block's edge; of several askings the one that keeps least holds. */
  forget({ keepSinks }: Forgetting, eventId?: string): void {
    const before = this.#forgetting;
    this.#forgetting = {
      keepSinks: keepSinks && before?.keepSinks !== false,
      eventIds: withId(before?.eventIds, eventId),
    };
  }

  /** What it holds; looked at once a block at most, however many ask. */
  async inspect(): Promise<CacheView> {
    this.#contents ??= this.#look();
    const contents = await this.#contents;
    return { choice: this.inForce, ...contents };
  }

  /**
   * Bring what was asked for into force, at a block's edge; returns what to tell once the block is made.
   *
   * New sinks are taken where frames begin to count anew. What the engine refuses leaves the choice as it was.
   */
  async apply({ choice, reset }: CacheWish): Promise<readonly CacheChanged[]> {
    const [asked, before] = [this.#asked, this.#inForce];
    this.#asked = undefined;
    this.#wanted = choice;
    const { told, isNew } = await this.#begin({ choice, reset });
    const wanted = isNew ? choice : { ...choice, sinkFrames: before.sinkFrames };
    const eventIds = asked ?? [];
    try {
      if (!isSame(wanted, this.#inForce)) await this.#engine.configureCache(wanted);
    } catch (cause) {
      if (!StreamError.is(cause) || cause.code !== "bad_parameter") throw cause;
      this.#wanted = this.#inForce;
      return [...told, { type: "cache-refused", eventIds, error: cause }];
    }
    this.#inForce = wanted;
    if (asked === undefined && isSame(wanted, before)) return told;
    return [...told, { type: "cache-configured", eventIds, choice: this.inForce }];
  }

  /** Reset or empty, whichever was asked for; `isNew` when frames count anew. */
  async #begin({ choice, reset }: CacheWish): Promise<{ told: CacheChanged[]; isNew: boolean }> {
    const forgetting = this.#forgetting;
    this.#forgetting = undefined;
    if (reset !== undefined) {
      await this.#engine.reset({ ...reset, cache: choice });
      this.#inForce = choice;
    } else if (forgetting !== undefined) await this.#engine.forgetCache(forgetting);
    return {
      told: forgetting === undefined ? [] : [{ type: "cache-reset", ...forgetting }],
      isNew: reset !== undefined || forgetting?.keepSinks === false,
    };
  }

  /**
   * Make the next block; what is told besides `applied` comes with it.
   *
   * A cache that kept everything until it was full keeps a window from there on.
   */
  async next(request: BlockRequest, applied: readonly CacheChanged[]): Promise<BlockAndChanges> {
    try {
      return { result: await this.#next(request), changed: applied };
    } catch (cause) {
      if (!StreamError.is(cause) || cause.code !== "cache_overflow") throw cause;
      this.#wanted = { ...this.#wanted, policy: "window" };
      const narrow: CacheChoice = { ...this.#inForce, policy: "window" };
      await this.#engine.configureCache(narrow);
      this.#inForce = narrow;
      const told: CacheChanged = { type: "cache-configured", eventIds: [], choice: this.inForce };
      return { result: await this.#next(request), changed: [...applied, told] };
    }
  }

  async #next(request: BlockRequest): Promise<BlockResult> {
    const result = await this.#engine.next(request);
    // What was seen before is over.
    this.#contents = undefined;
    return result;
  }

  #look(): Promise<CacheContents> {
    const looking = this.#engine.inspectCache();
    looking.catch(() => {
      if (this.#contents === looking) this.#contents = undefined;
    });
    return looking;
  }
}

function withId(ids: readonly string[] = [], id: string | undefined): string[] {
  return id === undefined || ids.length >= MOST_IDS ? [...ids] : [...ids, id];
}

function isSame(a: CacheChoice, b: CacheChoice): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof CacheChoice>;
  return [...names].every((name) => a[name] === b[name]);
}
