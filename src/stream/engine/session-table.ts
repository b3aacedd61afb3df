import { StreamError, unreachable } from "../../core/errors.ts";
import { keptFrames, speechShape } from "../../models/speech.ts";
import type { SessionOptions } from "./contract.ts";
import { type HostParts, HostSession } from "./host-session.ts";
import type { EngineAnswer, EngineCall, EngineFacts, RestoredState } from "./messages.ts";

/** Every session of an engine process, and what answers the server's calls. */
export class SessionTable {
  readonly #parts: HostParts;
  readonly #sessions = new Map<string, HostSession>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** What the server is told of the engine when it is ready. */
  get facts(): EngineFacts {
    const { provider, cache, modelPackage } = this.#parts.model;
    const speechFrames = keptFrames(speechShape(modelPackage.manifest));
    return { provider: provider.name, reason: provider.reason, speechFrames, cache };
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** @throws {StreamError} what the call failed with; no other session is touched then. */
  async answer(call: EngineCall): Promise<EngineAnswer> {
    switch (call.method) {
      case "open":
        return this.#open(call.options, call.restored);
      case "close":
        return done(this.#take(call.session).close());
      case "ping":
        return null;
      default:
        return ask(this.#find(call.session), call);
    }
  }

  async #open(options: SessionOptions, restored: RestoredState | null): Promise<null> {
    if (this.#sessions.has(options.id)) {
      throw new StreamError("internal", `the engine already has a session \`${options.id}\``);
    }
    this.#sessions.set(options.id, await HostSession.open(options, restored, this.#parts));
    return null;
  }

  #find(id: string): HostSession {
    const session = this.#sessions.get(id);
    if (session !== undefined) return session;
    throw new StreamError("unknown_session", `the engine has no session \`${id}\``);
  }

  #take(id: string): HostSession {
    const session = this.#find(id);
    this.#sessions.delete(id);
    return session;
  }
}

/** What is asked of a session that is open, and stays so. */
async function ask(
  session: HostSession,
  call: Exclude<EngineCall, { method: "open" | "close" | "ping" }>,
): Promise<EngineAnswer> {
  switch (call.method) {
    case "recache":
      return done(session.recache(call));
    case "next":
      return session.next(call.request);
    case "reset":
      return done(session.reset(call.change));
    case "checkPicture":
      return done(session.checkPicture(call.rgb));
    case "configureCache":
      return done(session.configureCache(call.cache));
    case "forgetCache":
      return done(session.forgetCache(call.what));
    case "inspectCache":
      return session.inspectCache();
    case "snapshot":
      return session.snapshot();
    case "restore":
      return session.restore(call.snapshot);
    default:
      return unreachable(call);
  }
}

const done = async (work: Promise<void>): Promise<null> => {
  await work;
  return null;
};
