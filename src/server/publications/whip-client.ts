/** Asks other servers to take a stream: the client's side of WHIP (RFC 9725). */

import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { as, type Millis } from "../../core/units.ts";
import type { IceServer } from "../../transport/webrtc/contract.ts";
import { iceServersOf } from "../ice-servers.ts";

/** An endpoint, and the bearer token it wants. */
export interface WhipTarget {
  readonly url: URL;
  readonly token: string | undefined;
}

/** What an endpoint answered. */
export interface WhipAnswer {
  readonly sdp: string;
  /** What to `DELETE` when it is over. */
  readonly resource: URL;
  /** ICE servers that the endpoint offers to its clients. */
  readonly iceServers: readonly IceServer[];
}

/** What a client is made of. */
export interface WhipClientOptions {
  readonly clock: Clock;
  /** Origins that may be talked to; all others are refused, also where an allowed one points to them. */
  readonly origins: ReadonlySet<string>;
}

const PATIENCE: Millis = as(10_000);
const MOST_REDIRECTS = 3;
/** Bytes of an answer. */
const MOST_ANSWER = 65_536;
/** What an endpoint may ask us to wait, at most. */
const LONGEST_WAIT: Millis = as(60_000);
/** Statuses that pass; the other refusals are for good. */
const PASSING: ReadonlySet<number> = new Set([404, 408, 409, 425, 429]);

/** Talks to the endpoints of one server's configuration. Holds nothing between calls. */
export class WhipClient {
  readonly #clock: Clock;
  readonly #origins: ReadonlySet<string>;

  constructor({ clock, origins }: WhipClientOptions) {
    this.#clock = clock;
    this.#origins = origins;
  }

  /** @throws {StreamError} `bad_parameter` when `url` may not be published to. */
  check(url: URL): void {
    if (url.username !== "" || url.password !== "") {
      throw new StreamError("bad_parameter", "publication: url: names a user; give a token", {
        detail: { path: "url" },
      });
    }
    if (this.#origins.has(url.origin)) return;
    throw new StreamError(
      "bad_parameter",
      "publication: url: this server publishes only to the origins of --publish-to",
      { detail: { path: "url" } },
    );
  }

  /**
   * Offer a stream.
   *
   * @throws {StreamError} `publication_failed`, to be retried or not; its detail may have `retry_after_ms`.
   * @throws the signal's reason when `signal` aborts first.
   */
  async publish(target: WhipTarget, offer: string, signal: AbortSignal): Promise<WhipAnswer> {
    return this.#within(signal, async (inTime) => {
      let { url } = target;
      for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
        const response = await this.#fetch(url, {
          method: "POST",
          headers: { "content-type": "application/sdp", ...bearer(target.token) },
          body: offer,
          signal: inTime,
        });
        const next = redirectOf(response, url);
        if (next === undefined) return await this.#answer(response, url);
        url = next;
      }
      throw failure(`the endpoint redirects more than ${MOST_REDIRECTS} times`, "refuse");
    });
  }

  /** Say that the stream is over; an endpoint that does not want to know it finds out by itself. */
  async remove(resource: URL, token: string | undefined): Promise<void> {
    try {
      await this.#within(undefined, async (signal) => {
        const response = await this.#fetch(resource, {
          method: "DELETE",
          headers: bearer(token),
          signal,
        });
        await response.body?.cancel();
      });
    } catch {
      // ICE tells it, too.
    }
  }

  async #answer(response: Response, url: URL): Promise<WhipAnswer> {
    if (response.status !== 201) throw await refusal(response);
    const location = response.headers.get("location");
    if (location === null || !URL.canParse(location, url.href)) {
      await response.body?.cancel();
      throw failure("the endpoint's answer has no usable Location", "refuse");
    }
    const resource = new URL(location, url);
    this.#allow(resource);
    return {
      sdp: await textOf(response),
      resource,
      iceServers: iceServersOf(response.headers.get("link") ?? ""),
    };
  }

  async #fetch(url: URL, request: RequestInit): Promise<Response> {
    this.#allow(url);
    try {
      return await fetch(url, { ...request, redirect: "manual" });
    } catch (cause) {
      if (request.signal?.aborted === true) throw cause;
      throw failure("the endpoint cannot be reached", "retry");
    }
  }

  #allow({ origin }: URL): void {
    if (this.#origins.has(origin)) return;
    throw failure("the endpoint points to an origin that is not one of --publish-to", "refuse");
  }

  /** Give up after `PATIENCE`, or when `signal` aborts. */
  async #within<T>(
    signal: AbortSignal | undefined,
    task: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController();
    const late = new AbortController();
    this.#clock.sleep(PATIENCE, over.signal).then(
      () => {
        late.abort();
      },
      () => undefined,
    );
    const either = AbortSignal.any(signal === undefined ? [late.signal] : [late.signal, signal]);
    try {
      return await task(either);
    } catch (cause) {
      signal?.throwIfAborted();
      if (late.signal.aborted) throw failure("the endpoint takes too long", "retry");
      throw cause;
    } finally {
      over.abort();
    }
  }
}

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

const failure = (
  why: string,
  recovery: "retry" | "refuse",
  detail: Readonly<Record<string, number>> = {},
): StreamError => new StreamError("publication_failed", why, { recovery, detail });

/** Where a `POST` is to be repeated (RFC 9110, sections 15.4.8 and 15.4.9). */
function redirectOf(response: Response, from: URL): URL | undefined {
  if (response.status !== 307 && response.status !== 308) return undefined;
  void response.body?.cancel();
  const location = response.headers.get("location") ?? "";
  if (location !== "" && URL.canParse(location, from.href)) return new URL(location, from);
  throw failure("the endpoint redirects to nowhere", "refuse");
}

async function refusal(response: Response): Promise<StreamError> {
  const { status, headers } = response;
  await response.body?.cancel();
  const passes = status >= 500 || PASSING.has(status);
  const wait = Number(headers.get("retry-after"));
  return failure(`the endpoint answered ${status}`, passes ? "retry" : "refuse", {
    status,
    ...(wait > 0 && { retry_after_ms: Math.min(LONGEST_WAIT, wait * 1000) }),
  });
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = body?.getReader();
  for (;;) {
    const bytes = (await reader?.read())?.value;
    if (bytes === undefined) return text;
    size += bytes.byteLength;
    if (size > MOST_ANSWER) {
      await reader?.cancel();
      throw failure(`the answer is above ${MOST_ANSWER} bytes`, "refuse");
    }
    text += decoder.decode(bytes, { stream: true });
  }
}
