import type { Clock } from "../core/clock.ts";
import { as, type BitsPerSecond, type Millis } from "../core/units.ts";
import type { RenditionCodec, RenditionOptions } from "./engine/contract.ts";

/** A viewer's hold on one encoding of a session's pictures. */
export interface RenditionHold {
  readonly options: RenditionOptions;
  /** Ask that a block soon begins with a key packet; many asks make one. */
  requestKeyframe(): void;
  /** Leave; the encoding stops when its last viewer left. */
  release(): void;
}

/** Key packets of one rendition are at least this far apart, however many viewers ask. */
const KEYFRAME_SPACING: Millis = as(300);

interface Entry {
  readonly options: RenditionOptions;
  holders: number;
  keyWanted: boolean;
  lastKeyAt: Millis;
}

/** The encodings that are wanted: each is made once, for all viewers that want the same. */
export class Renditions {
  readonly #clock: Clock;
  readonly #entries = new Map<number, Entry>();
  #nextId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Encodings with at least one viewer. */
  get active(): readonly RenditionOptions[] {
    return [...this.#entries.values()].map(({ options }) => options);
  }

  /** Join the encoding with this codec and bitrate, beginning with a key packet. */
  hold(codec: RenditionCodec, bitrate: BitsPerSecond): RenditionHold {
    const entry = this.#find(codec, bitrate) ?? this.#add(codec, bitrate);
    entry.holders += 1;
    entry.keyWanted = true;
    let held = true;
    return {
      options: entry.options,
      requestKeyframe: () => {
        entry.keyWanted = true;
      },
      release: () => {
        if (!held) return;
        held = false;
        entry.holders -= 1;
        if (entry.holders === 0) this.#entries.delete(entry.options.id);
      },
    };
  }

  /** The renditions whose next block must begin with a key packet; each is answered once. */
  takeKeyframes(): number[] {
    const now = this.#clock.now();
    const due = [...this.#entries.values()].filter(
      ({ keyWanted, lastKeyAt }) => keyWanted && now - lastKeyAt >= KEYFRAME_SPACING,
    );
    for (const entry of due) {
      entry.keyWanted = false;
      entry.lastKeyAt = now;
    }
    return due.map(({ options }) => options.id);
  }

  #find(codec: RenditionCodec, bitrate: BitsPerSecond): Entry | undefined {
    return [...this.#entries.values()].find(
      ({ options }) => options.codec === codec && options.bitrate === bitrate,
    );
  }

  #add(codec: RenditionCodec, bitrate: BitsPerSecond): Entry {
    const id = this.#nextId++;
    const entry: Entry = {
      options: { id, codec, bitrate },
      holders: 0,
      keyWanted: true,
      lastKeyAt: as(-Infinity),
    };
    this.#entries.set(id, entry);
    return entry;
  }
}
