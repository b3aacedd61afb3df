import { Subscription } from "rxjs";
import { StreamError } from "../../core/errors.ts";
import type { PublicationRequest } from "../../protocol/publications.ts";
import type { HostedSession } from "../hosted-session.ts";
import { Publication, type PublicationParts } from "./publication.ts";

/** Most publications of one session. */
const MOST_PER_SESSION = 4;

/** The publications of a server's sessions. */
export class Publications {
  readonly #parts: PublicationParts;
  /** With each, what waits for its session's end. */
  readonly #publications = new Map<Publication, Subscription>();

  constructor(parts: PublicationParts) {
    this.#parts = parts;
  }

  /**
   * Begin to publish a session; it ends with the session.
   *
   * @throws {StreamError} `bad_parameter` when the address is not allowed, `session_limit`.
   */
  start(hosted: HostedSession, request: PublicationRequest): Publication {
    this.#parts.client.check(new URL(request.url));
    if (this.of(hosted.id).length >= MOST_PER_SESSION) {
      throw new StreamError(
        "session_limit",
        `a session is published to at most ${MOST_PER_SESSION} places`,
        { recovery: "retry", detail: { limit: MOST_PER_SESSION } },
      );
    }
    const publication = new Publication(this.#parts, hosted, request);
    const end = new Subscription();
    this.#publications.set(publication, end);
    const over = () => {
      void this.remove(publication);
    };
    end.add(hosted.session.events$.subscribe({ complete: over, error: over }));
    return publication;
  }

  /** Those of one session, oldest first. */
  of(session: string): Publication[] {
    return [...this.#publications.keys()].filter((each) => each.session === session);
  }

  /** End one; the other server is told before this settles. */
  async remove(publication: Publication): Promise<void> {
    this.#publications.get(publication)?.unsubscribe();
    this.#publications.delete(publication);
    await publication.stop();
  }

  /** End all. */
  async close(): Promise<void> {
    await Promise.all([...this.#publications.keys()].map((each) => this.remove(each)));
  }
}
