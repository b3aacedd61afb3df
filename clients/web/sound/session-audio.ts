import { SOUND_PROCESSOR } from "./messages.ts";
import { SOUND_RATE } from "./sound-queue.ts";

/** Something that sounds: how to set it, start it, and copy its sound. */
interface Source {
  /** Take over volume and muting. */
  apply(): void;
  /** Sound again, after a gesture. */
  unlock(): void;
  /** Play into `destination`, too. */
  copyTo(context: AudioContext, destination: AudioNode): void;
}

/** What counts as a gesture that lets a page sound. */
const GESTURES = ["pointerdown", "keydown"] as const;

/** A context that may sound does so within this time. */
const START_MS = 250;

/**
 * A session's sound: muting, volume, and the browser's rule that a page sounds only after somebody touched it.
 *
 * Lifetime: until `close`. The next gesture on the page unlocks it.
 */
export class SessionAudio {
  readonly #end = new AbortController();
  readonly #changed: () => void;
  readonly #sources = new Set<Source>();
  #context: AudioContext | undefined;
  #capture: MediaStreamAudioDestinationNode | undefined;
  #muted = false;
  #volume = 1;
  #locked = false;

  /** `changed` is called when muting, volume or the lock changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
    for (const type of GESTURES) {
      const options = { capture: true, signal: this.#end.signal };
      addEventListener(type, () => this.#locked && this.unlock(), options);
    }
  }

  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    this.#muted = muted;
    this.#apply();
  }

  /** In [0, 1]. */
  get volume(): number {
    return this.#volume;
  }

  set volume(volume: number) {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#apply();
  }

  /** True while the browser lets nothing sound: nobody touched the page yet. */
  get locked(): boolean {
    return this.#locked;
  }

  /** Let it sound; call it from a handler of a gesture. */
  unlock(): void {
    void this.#context?.resume();
    for (const source of this.#sources) source.unlock();
  }

  /** The sound as a track, whatever transport it comes over; unmuted and at full volume. */
  captureTracks(): MediaStreamTrack[] {
    if (!("AudioContext" in globalThis)) return [];
    if (this.#capture === undefined) {
      const context = this.#open();
      this.#capture = context.createMediaStreamDestination();
      for (const source of this.#sources) source.copyTo(context, this.#capture);
    }
    return this.#capture.stream.getAudioTracks();
  }

  /** Play `stream` in `video`, muted while nothing may sound; returns what lets go of it. */
  attachStream(video: HTMLVideoElement, stream: MediaStream): () => void {
    const apply = () => {
      video.volume = this.#volume;
      video.muted = this.#muted || this.#locked;
    };
    const play = () => {
      video.play().catch((cause: unknown) => {
        if (!(cause instanceof DOMException) || cause.name !== "NotAllowedError") return;
        this.#setLocked(true);
        video.play().catch(() => undefined);
      });
    };
    apply();
    play();
    return this.#add({
      apply,
      unlock: () => {
        this.#setLocked(false);
        play();
      },
      copyTo: (context, destination) => {
        if (stream.getAudioTracks().length === 0) return;
        context.createMediaStreamSource(stream).connect(destination);
      },
    });
  }

  /** A worklet that plays decoded sound from the address `workletUrl`; undefined where that cannot be. */
  async attachWorklet(workletUrl: string | URL): Promise<Speaker | undefined> {
    const context = this.#open();
    await context.audioWorklet.addModule(workletUrl);
    if (this.#end.signal.aborted) return undefined;
    const node = new AudioWorkletNode(context, SOUND_PROCESSOR, {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    const gain = context.createGain();
    node.connect(gain).connect(context.destination);
    const apply = () => {
      gain.gain.value = this.#muted ? 0 : this.#volume;
    };
    apply();
    const remove = this.#add({
      apply,
      unlock: () => undefined,
      copyTo: (_context, destination) => {
        node.connect(destination);
      },
    });
    const close = () => {
      remove();
      node.disconnect();
    };
    return { node, context, close };
  }

  close(): void {
    this.#end.abort();
    void this.#context?.close();
  }

  #open(): AudioContext {
    if (this.#context !== undefined) return this.#context;
    const context = new AudioContext({ sampleRate: SOUND_RATE, latencyHint: "interactive" });
    const follow = () => {
      this.#setLocked(context.state === "suspended");
    };
    context.addEventListener("statechange", follow);
    // A new context is suspended for a moment, although it may sound.
    setTimeout(follow, START_MS);
    this.#context = context;
    return context;
  }

  #add(source: Source): () => void {
    this.#sources.add(source);
    if (this.#context && this.#capture) source.copyTo(this.#context, this.#capture);
    return () => {
      this.#sources.delete(source);
    };
  }

  #setLocked(locked: boolean): void {
    if (this.#locked === locked) return;
    this.#locked = locked;
    this.#apply();
  }

  #apply(): void {
    for (const source of this.#sources) source.apply();
    this.#changed();
  }
}

/** A worklet that plays, in its context. Lifetime: until `close`. */
export interface Speaker {
  readonly node: AudioWorkletNode;
  readonly context: AudioContext;
  readonly close: () => void;
}
