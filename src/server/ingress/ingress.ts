/** Cameras and microphones that are published into sessions (WHIP). */

import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { SPEECH_RATE } from "../../stream/speech/speech-lane.ts";
import type { AnswerPublisher, RtcNetwork } from "../../transport/webrtc/contract.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { WishConnection } from "../http/wish-resource.ts";
import { type IngressFigures, type IngressLanes, Publisher } from "./publisher.ts";

/** What every publisher of a server shares. */
export interface IngressParts {
  readonly answer: AnswerPublisher;
  readonly network: RtcNetwork;
  readonly clock: Clock;
}

/** The publishers of all sessions: one each at most. */
export class Ingress {
  readonly #parts: IngressParts;
  readonly #publishers = new Map<string, Publisher>();

  constructor(parts: IngressParts) {
    this.#parts = parts;
  }

  /**
   * Answer the offer of a publisher.
   *
   * @throws {StreamError} `state_conflict` when there is one, `session_ended`, or those of the answer; nothing is
   *   held then.
   */
  async open(hosted: HostedSession, offer: string): Promise<WishConnection> {
    if (this.#publishers.has(hosted.id)) {
      throw new StreamError("state_conflict", "somebody publishes into this session");
    }
    const { answer, network, clock } = this.#parts;
    const publisher = new Publisher(hosted, clock);
    this.#publishers.set(hosted.id, publisher);
    void publisher.closed.then(() => this.#closed(hosted));
    try {
      publisher.attach(await answer(offer, network, publisher.handlers));
      if (hears(hosted)) {
        hosted.session.speech.listen({ read: (since) => publisher.pcm(since, SPEECH_RATE) });
      }
      return publisher;
    } catch (cause) {
      publisher.close();
      throw cause;
    }
  }

  #closed(hosted: HostedSession): void {
    this.#publishers.delete(hosted.id);
    if (hears(hosted)) hosted.session.speech.listen();
  }

  /** What comes into a session; undefined when nobody publishes. */
  lanes(session: string): IngressLanes | undefined {
    return this.#publishers.get(session);
  }

  /** What comes into a session, in numbers; undefined when nobody publishes. */
  figures(session: string): IngressFigures | undefined {
    return this.#publishers.get(session)?.figures;
  }
}

const hears = ({ session }: HostedSession): boolean => session.model.speech !== undefined;
