import { StreamError, toStreamError } from "../../core/errors.ts";
import type { BlockIndex } from "../../core/units.ts";
import { Checkpoint } from "./checkpoint.ts";
import type {
  BlockRequest,
  BlockResult,
  CacheContents,
  CacheOptions,
  EngineSession,
  Forgetting,
  ResetChange,
  SessionOptions,
  SessionSnapshot,
} from "./contract.ts";
import {
  type EngineAnswer,
  type EngineCall,
  type EngineMethod,
  MOST_MESSAGE_BYTES,
} from "./messages.ts";
import { InterruptedCall, type RunningEngine } from "./running-engine.ts";

/** What a session needs of its supervisor. */
export interface SessionHome {
  /**
   * The engine that runs, or the next one when it does.
   *
   * @throws {StreamError} `engine_lost` when there will be none.
   */
  running(): Promise<RunningEngine>;
  /** The session went on in another engine; `block` comes next. */
  recovered(session: SupervisedSession, block: BlockIndex): void;
  /** The session is over: it is not recovered any more. */
  leave(session: SupervisedSession): void;
}

/** How often one session may be what an engine was at work on when it ended, with no block in between. */
const MOST_SUSPICIONS = 1;
/** Blocks that are recached by one call, so that every call is short. */
const BLOCKS_PER_RECACHE = 4;

interface Move {
  readonly to: RunningEngine;
  readonly done: Promise<void>;
}

/**
 * A session that outlives the engines it runs in. A call that an engine did not live to answer is asked
 * again of the next one, after the session was rebuilt there from its checkpoint.
 */
export class SupervisedSession implements EngineSession {
  readonly id: string;
  readonly #home: SessionHome;
  readonly #checkpoint: Checkpoint;
  #move: Move | undefined;
  #suspicions = 0;
  /** Why there will be no more answers. */
  #over: StreamError | undefined;

  private constructor(options: SessionOptions, home: SessionHome, engine: RunningEngine) {
    this.id = options.id;
    this.#home = home;
    this.#checkpoint = new Checkpoint(options, engine.facts);
  }

  /** @throws {StreamError} `unknown_start`, `bad_parameter`, `engine_lost`. */
  static async open(options: SessionOptions, home: SessionHome): Promise<SupervisedSession> {
    const session = new SupervisedSession(options, home, await home.running());
    await session.#settle();
    return session;
  }

  async next(request: BlockRequest): Promise<BlockResult> {
    const made = await this.#call({ method: "next", session: this.id, request });
    this.#suspicions = 0;
    if (this.#checkpoint.made(made, request)) void this.#keep();
    return made.result;
  }

  async reset(change: ResetChange): Promise<void> {
    await this.#call({ method: "reset", session: this.id, change });
    this.#checkpoint.reset(change);
  }

  async configureCache(cache: CacheOptions): Promise<void> {
    await this.#call({ method: "configureCache", session: this.id, cache });
    this.#checkpoint.configured(cache);
  }

  async forgetCache(what: Forgetting): Promise<void> {
    await this.#call({ method: "forgetCache", session: this.id, what });
    // What is forgotten must not come back with the blocks that it was made of.
    await this.#keep();
  }

  async checkPicture(rgb: Uint8Array): Promise<void> {
    await this.#call({ method: "checkPicture", session: this.id, rgb });
  }

  inspectCache(): Promise<CacheContents> {
    return this.#call({ method: "inspectCache", session: this.id });
  }

  snapshot(): Promise<SessionSnapshot> {
    return this.#call({ method: "snapshot", session: this.id });
  }

  async restore(snapshot: SessionSnapshot): Promise<void> {
    if (snapshot.bytes.length > MOST_MESSAGE_BYTES) {
      throw new StreamError("snapshot_invalid", "this snapshot is larger than any session");
    }
    const block = await this.#call({ method: "restore", session: this.id, snapshot });
    this.#checkpoint.thawed(snapshot, block);
  }

  async close(): Promise<void> {
    if (this.#over !== undefined) return;
    this.end(new StreamError("session_ended", "this session was closed"));
    const move = this.#move;
    if (move === undefined) return;
    try {
      await move.done;
      await move.to.call({ method: "close", session: this.id });
    } catch {
      // Whatever ended the engine or refused the session left nothing to close.
    }
  }

  /** Answer nothing from here on but `why`. */
  end(why: StreamError): void {
    this.#over ??= why;
    this.#home.leave(this);
  }

  /** Go on in `engine`. @throws {StreamError} when the session cannot; it is over then. */
  async moveTo(engine: RunningEngine): Promise<void> {
    const move = this.#move?.to === engine ? this.#move : this.#begin(engine);
    try {
      await move.done;
    } catch (cause) {
      if (!(cause instanceof InterruptedCall)) this.end(toStreamError(cause));
      throw cause;
    }
  }

  async #call<M extends EngineMethod>(
    call: Extract<EngineCall, { method: M }>,
  ): Promise<EngineAnswer<M>> {
    for (;;) {
      const engine = await this.#settle();
      try {
        return await this.#ask(engine, call);
      } catch (cause) {
        if (!(cause instanceof InterruptedCall)) throw cause;
      }
    }
  }

  /** The engine that holds this session, once it does. */
  async #settle(): Promise<RunningEngine> {
    for (;;) {
      if (this.#over !== undefined) throw this.#over;
      const engine = await this.#home.running();
      try {
        await this.moveTo(engine);
        return engine;
      } catch (cause) {
        if (!(cause instanceof InterruptedCall)) throw cause;
      }
    }
  }

  /** Let the checkpoint have the session as it is; where that cannot be, it has what it had. */
  async #keep(): Promise<void> {
    const engine = this.#move?.to;
    const { block } = this.#checkpoint;
    if (engine === undefined) return;
    try {
      const snapshot = await this.#ask(engine, { method: "snapshot", session: this.id });
      if (this.#move?.to === engine) this.#checkpoint.frozen(snapshot, block);
    } catch {
      // An engine that is lost is told to whoever asks for the next block.
    }
  }

  #begin(engine: RunningEngine): Move {
    this.#move = { to: engine, done: this.#rebuild(engine) };
    return this.#move;
  }

  async #rebuild(engine: RunningEngine): Promise<void> {
    const { options, restored, history, heard, block } = this.#checkpoint;
    const session = this.id;
    await this.#ask(engine, { method: "open", options, restored });
    if (block === 0) return;
    for (let from = 0; from === 0 || from < history.length; from += BLOCKS_PER_RECACHE) {
      const blocks = history.slice(from, from + BLOCKS_PER_RECACHE);
      const before = from === 0 ? heard : [];
      await this.#ask(engine, { method: "recache", session, block, blocks, heard: before });
    }
    this.#home.recovered(this, block);
  }

  async #ask<M extends EngineMethod>(
    engine: RunningEngine,
    call: Extract<EngineCall, { method: M }>,
  ): Promise<EngineAnswer<M>> {
    try {
      return await engine.call<M>(call);
    } catch (cause) {
      if (cause instanceof InterruptedCall && cause.isSuspect) this.#suspect(cause);
      throw cause;
    }
  }

  /** An engine ended while it was at work for this session; more than one is no accident. */
  #suspect({ code, message }: InterruptedCall): void {
    this.#suspicions += 1;
    if (this.#suspicions <= MOST_SUSPICIONS) return;
    const why = `each engine ended at this session's work; the last one: ${message}`;
    this.end(new StreamError(code, why, { recovery: "end-session" }));
  }
}
