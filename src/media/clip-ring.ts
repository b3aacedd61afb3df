import type { TimedPicture } from "./moments.ts";

/** How much a ring keeps. */
export interface ClipRingBounds {
  /** Of media time that a clip can have. */
  readonly seconds: number;
  /** Of packets in memory. */
  readonly bytes: number;
}

/** Pictures from a key packet on, up to the next one. */
interface Piece {
  readonly pictures: TimedPicture[];
  bytes: number;
}

/**
 * The newest packets of a stream, in memory, for clips of what was just seen.
 *
 * Whole pieces leave, oldest first, once the rest is long enough or the ring is too large; a piece that is too
 * large alone leaves, too. Pure; pictures come in time order.
 */
export class ClipRing {
  readonly #bounds: ClipRingBounds;
  #pieces: Piece[] = [];
  #isBroken = true;

  constructor(bounds: ClipRingBounds) {
    this.#bounds = bounds;
  }

  /** Bytes of packets that are kept. */
  get bytes(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Keep the next picture of the stream; a picture that cannot be decoded here is not kept. */
  take(picture: TimedPicture): void {
    if (picture.packet?.key === true) {
      this.#pieces.push({ pictures: [], bytes: 0 });
      this.#isBroken = false;
    }
    const piece = this.#pieces.at(-1);
    this.#isBroken ||= picture.packet === undefined || piece === undefined;
    if (piece === undefined || this.#isBroken) return;
    piece.pictures.push(picture);
    piece.bytes += bytesOf(picture);
    this.#forget();
  }

  /** The pictures of at least the last `seconds`, from a key packet on; all there are when those are fewer. */
  last(seconds: number): readonly TimedPicture[] {
    const enough = this.#pieces.findLastIndex((_, i) => this.#secondsFrom(i) >= seconds);
    return this.#pieces.slice(Math.max(enough, 0)).flatMap(({ pictures }) => pictures);
  }

  #forget(): void {
    while (this.#pieces.length > 1 && this.#secondsFrom(1) >= this.#bounds.seconds) {
      this.#pieces.shift();
    }
    while (this.bytes > this.#bounds.bytes) this.#pieces.shift();
  }

  #secondsFrom(index: number): number {
    const first = this.#pieces[index]?.pictures[0];
    const last = this.#pieces.at(-1)?.pictures.at(-1);
    if (first === undefined || last === undefined) return 0;
    return (last.pts + last.duration - first.pts) / 1e6;
  }
}

const bytesOf = ({ packet, sound }: TimedPicture): number =>
  sound.reduce((sum, { data }) => sum + data.length, packet?.data.length ?? 0);
