import type { Subscription } from "rxjs";
import type { Clock } from "../../core/clock.ts";
import { StreamError } from "../../core/errors.ts";
import { openPictureDecoder, openSoundDecoder } from "../../media/codecs/decode.ts";
import type { Samples } from "../../media/sound/sample-ring.ts";
import type { ReceiverConnection, ReceiverHandlers } from "../../transport/webrtc/contract.ts";
import type { HostedSession } from "../hosted-session.ts";
import type { WishConnection } from "../http/wish-resource.ts";
import { type IngressFrame, PictureLane, type VideoFigures } from "./picture-lane.ts";
import { type IngressRate, type SoundFigures, SoundLane } from "./sound-lane.ts";

/** What comes into a session from outside, for models to take as controls: sampled when a block begins. */
export interface IngressLanes {
  /** The newest picture, of the size of the session's own; undefined before the first. */
  latestFrame(): IngressFrame | undefined;
  /** The sound from sample `since` on, as far as it is kept: ten seconds. */
  pcm(since: number, rate: IngressRate): Samples;
}

/** What comes in, in numbers. */
export interface IngressFigures {
  readonly connected: boolean;
  readonly video: VideoFigures | null;
  readonly sound: SoundFigures | null;
}

/**
 * Whoever publishes into a session: its connection, and the lanes that come of it.
 *
 * Lifetime: until its connection is gone or the session ended.
 */
export class Publisher implements WishConnection, IngressLanes {
  readonly closed: Promise<void>;
  /** What the connection tells. */
  readonly handlers: ReceiverHandlers = {
    connected: () => {
      this.#isConnected = true;
    },
    video: (picture) => this.#pictures.push(picture),
    sound: (packet) => this.#sound.push(packet),
    closed: () => this.#closed(),
  };
  readonly #pictures: PictureLane;
  readonly #sound: SoundLane;
  readonly #end: Subscription;
  readonly #gone = Promise.withResolvers<undefined>();
  #connection: ReceiverConnection | undefined;
  #isConnected = false;
  #isOver = false;

  /** @throws {StreamError} `encoder_failed` when FFmpeg has no Opus. */
  constructor({ model, session }: HostedSession, clock: Clock) {
    const { width, height } = model.summary.video;
    const size = { width, height };
    this.closed = this.#gone.promise;
    this.#sound = new SoundLane(clock, openSoundDecoder());
    this.#pictures = new PictureLane({
      open: (codec) => openPictureDecoder(codec, size),
      size,
      clock,
      requestKeyframe: () => this.#connection?.requestKeyframe(),
    });
    this.#end = session.events$.subscribe({
      next: ({ type }) => {
        if (type === "ended") this.close();
      },
      // Failures come as the session's event `failed`; `ended` follows.
      error: () => undefined,
    });
  }

  /** The connection that was answered. @throws {StreamError} `session_ended` when the session did not wait. */
  attach(connection: ReceiverConnection): void {
    this.#connection = connection;
    if (!this.#isOver) return;
    connection.close();
    throw new StreamError("session_ended", "the session or the connection ended");
  }

  get answerSdp(): string {
    return this.#connection?.answerSdp ?? "";
  }

  get figures(): IngressFigures {
    return {
      connected: this.#isConnected,
      video: this.#pictures.figures ?? null,
      sound: this.#sound.figures ?? null,
    };
  }

  latestFrame(): IngressFrame | undefined {
    return this.#pictures.latest;
  }

  pcm(since: number, rate: IngressRate): Samples {
    return this.#sound.read(since, rate);
  }

  async addCandidates(fragment: string): Promise<void> {
    await this.#connection?.addCandidates(fragment);
  }

  async restart(fragment: string): Promise<string> {
    return (await this.#connection?.restart(fragment)) ?? "";
  }

  /** End the connection, or do not begin it. */
  close(): void {
    if (this.#connection === undefined) this.#closed();
    else this.#connection.close();
  }

  #closed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isConnected = false;
    this.#end.unsubscribe();
    this.#pictures.close();
    this.#sound.close();
    this.#gone.resolve(undefined);
  }
}
