import type { Clock } from "../../core/clock.ts";
import { StreamError, toStreamError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { as, type BitsPerSecond, type Millis } from "../../core/units.ts";
import type { PublicationRequest } from "../../protocol/publications.ts";
import type {
  AnswerViewer,
  IceServer,
  OfferToViewer,
  ViewerConnection,
} from "../../transport/webrtc/contract.ts";
import { publicError } from "../event-messages.ts";
import type { HostedSession } from "../hosted-session.ts";
import { randomId } from "../secrets.ts";
import { type RtcResource, type RtcViewerParts, rtcViewers } from "../viewers/rtc-viewer.ts";
import type { WhipClient, WhipTarget } from "./whip-client.ts";

/** What every publication of a server shares. */
export interface PublicationParts {
  readonly viewers: Omit<RtcViewerParts, "answer">;
  readonly offer: OfferToViewer;
  readonly client: WhipClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where a publication is in its life. */
export type PublicationState = "connecting" | "live" | "failed";

/** Waits between attempts double from the first to the last. */
const WAITS = { first: 1_000, last: 30_000 } as const;
/** So many attempts without success in a row, and it has failed. */
const MOST_ATTEMPTS = 10;
/** A connection that held this long was a success. */
const SUCCESS: Millis = as(10_000);

/**
 * A session sent on to another server, which spreads it further. To the session it is one more viewer; to the
 * other server, a publisher over WHIP.
 *
 * Lifetime: from construction until `stop`. When the other server goes away it is asked again, ever more rarely.
 */
export class Publication {
  readonly id = randomId();
  readonly session: string;
  readonly #parts: PublicationParts;
  readonly #hosted: HostedSession;
  readonly #target: WhipTarget;
  readonly #bitrate: BitsPerSecond;
  readonly #createdAt = new Date();
  readonly #life = new AbortController();
  readonly #log: Logger;
  readonly #done: Promise<void>;
  #state: PublicationState = "connecting";
  #error: StreamError | undefined;
  #viewer: RtcResource | undefined;
  #resource: URL | undefined;
  #iceServers: readonly IceServer[] = [];
  #attempts = 0;

  constructor(parts: PublicationParts, hosted: HostedSession, request: PublicationRequest) {
    this.session = hosted.id;
    this.#parts = parts;
    this.#hosted = hosted;
    this.#target = { url: new URL(request.url), token: request.token };
    this.#bitrate = as(request.bitrate);
    this.#log = parts.logger.child({ session: hosted.id, publication: this.id });
    this.#done = this.#run();
  }

  /** As its owner reads it; never with the token. */
  describe() {
    const stats = this.#viewer?.stats().viewer;
    return {
      id: this.id,
      session: this.session,
      url: this.#target.url.href,
      state: this.#state,
      bitrate: stats?.bitrate ?? 0,
      sent_bytes: stats?.sent_bytes ?? 0,
      attempts: this.#attempts,
      error: this.#error === undefined ? null : publicError(this.#error).serialise(),
      created_at: this.#createdAt.toISOString(),
    };
  }

  /** End it; the other server is told before this settles. */
  async stop(): Promise<void> {
    this.#life.abort();
    this.#viewer?.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    for (let failures = 0; !this.#isOver(); ) {
      const began = clock.now();
      const error = await this.#attempt();
      const wasLong = clock.now() - began >= SUCCESS && this.#state === "live";
      failures = wasLong ? 0 : failures + 1;
      this.#error = error;
      if (error.recovery !== "retry" || failures >= MOST_ATTEMPTS) {
        this.#enter("failed");
        return;
      }
      this.#enter("connecting");
      await this.#wait(error, failures);
    }
  }

  #isOver(): boolean {
    return this.#life.signal.aborted;
  }

  /** Publish until the connection is gone. @returns why it is. */
  async #attempt(): Promise<StreamError> {
    const answer: AnswerViewer = (_offer, options, handlers) => {
      const connected = () => {
        this.#error = undefined;
        this.#enter("live");
        handlers.connected();
      };
      return this.#connect(options, { ...handlers, connected });
    };
    this.#attempts += 1;
    try {
      const open = rtcViewers({ ...this.#parts.viewers, answer });
      const wish = { delay: "default", bitrate: this.#bitrate } as const;
      this.#viewer = await open(this.#hosted, "viewer", "", wish);
      if (this.#isOver()) this.#viewer.close();
      await this.#viewer.closed;
      return new StreamError("publication_failed", "the connection was lost", {
        recovery: "retry",
      });
    } catch (cause) {
      return toStreamError(cause, "publication_failed", "retry");
    } finally {
      this.#viewer = undefined;
      await this.#goodbye();
    }
  }

  async #connect(...[options, handlers]: Parameters<OfferToViewer>): Promise<ViewerConnection> {
    const { client, offer: make } = this.#parts;
    // Known from the endpoint's last answer, they help where no direct path was found.
    const iceServers = [...this.#iceServers, ...options.iceServers];
    const offer = await make({ ...options, iceServers }, handlers);
    try {
      const answer = await client.publish(this.#target, offer.offerSdp, this.#life.signal);
      this.#resource = answer.resource;
      this.#iceServers = answer.iceServers;
      return offer.accept(answer.sdp);
    } catch (cause) {
      offer.close();
      throw cause;
    }
  }

  async #goodbye(): Promise<void> {
    const resource = this.#resource;
    this.#resource = undefined;
    if (resource !== undefined) await this.#parts.client.remove(resource, this.#target.token);
  }

  async #wait({ detail }: StreamError, failures: number): Promise<void> {
    const least = Number(detail["retry_after_ms"] ?? 0);
    const backoff = Math.min(WAITS.last, WAITS.first * 2 ** Math.max(0, failures - 1));
    try {
      await this.#parts.clock.sleep(as(Math.max(least, backoff)), this.#life.signal);
    } catch {
      // It was stopped.
    }
  }

  #enter(state: PublicationState): void {
    if (this.#isOver() || state === this.#state) return;
    this.#state = state;
    const fields = { state, ...(this.#error !== undefined && { code: this.#error.code }) };
    if (state === "live") this.#log.info(fields, "publication changed state");
    else this.#log.warn(fields, "publication changed state");
  }
}
