import { StreamError } from "../../src/core/errors.ts";
import type { CacheSettings, CacheSettingsChange, CacheStats } from "../../src/protocol/cache.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { ClientMessageInput } from "../../src/protocol/messages.ts";
import type { CacheControls } from "./session.ts";

/** What is asked of a cache. */
type CacheRequest = Extract<ClientMessageInput, { type: `cache.${string}` }>;

/** The one implementation of `CacheControls`. Lifetime: its session's. */
export class SessionCache implements CacheControls {
  settings: CacheSettings;
  readonly #ask: (request: CacheRequest) => Promise<ServerEvent>;
  #inspecting: Promise<CacheStats> | undefined;

  /** `ask` sends a request and resolves with the first answer to it. */
  constructor(settings: CacheSettings, ask: (request: CacheRequest) => Promise<ServerEvent>) {
    this.settings = settings;
    this.#ask = ask;
  }

  readonly configure = async (change: CacheSettingsChange): Promise<void> => {
    await this.#ask({ type: "cache.configure", ...change });
  };

  readonly reset = async ({ keepSinks }: { readonly keepSinks: boolean }): Promise<void> => {
    await this.#ask({ type: "cache.reset", keep_sinks: keepSinks });
  };

  readonly inspect = (): Promise<CacheStats> => {
    this.#inspecting ??= this.#inspect().finally(() => {
      this.#inspecting = undefined;
    });
    return this.#inspecting;
  };

  async #inspect(): Promise<CacheStats> {
    const answer = await this.#ask({ type: "cache.inspect" });
    if (answer.type === "cache.stats") return answer;
    throw new StreamError("internal", "the server answered cache.inspect with something else");
  }
}
