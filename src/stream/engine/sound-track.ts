import { as, frameTime } from "../../core/units.ts";
import { testSignal } from "../../media/sound/test-signal.ts";
import { PACKET_MICROS, PACKET_SAMPLES, type SoundEncoder } from "../../media/sound-encoder.ts";
import type { SoundPacket, SoundSource } from "./contract.ts";

/** The stretch of media time that a block fills. */
export interface BlockSpan {
  readonly firstFrame: number;
  readonly frames: number;
}

/**
 * One session's sound, encoded block by block on the media clock.
 *
 * Packets lie on a grid of 20 ms; each belongs to the block in which it begins. Lifetime: until `close`.
 */
export class SoundTrack {
  readonly #frameRate: number;
  readonly #openEncoder: () => Promise<SoundEncoder>;
  #encoder: SoundEncoder | undefined;

  constructor(frameRate: number, openEncoder: () => Promise<SoundEncoder>) {
    this.#frameRate = frameRate;
    this.#openEncoder = openEncoder;
  }

  /**
   * The packets that begin in `span`; none while the session is silent.
   *
   * @throws {StreamError} `encoder_failed`.
   */
  async encode(span: BlockSpan, source: SoundSource): Promise<SoundPacket[]> {
    if (source === "none") {
      this.close();
      return [];
    }
    this.#encoder ??= await this.#openEncoder();
    const packets: SoundPacket[] = [];
    for (const index of packetsIn(span, this.#frameRate)) {
      const pcm = testSignal(index * PACKET_SAMPLES, PACKET_SAMPLES, this.#frameRate);
      packets.push({
        pts: as(index * PACKET_MICROS),
        duration: as(PACKET_MICROS),
        data: this.#encoder.encode(pcm),
      });
    }
    return packets;
  }

  close(): void {
    this.#encoder?.close();
    this.#encoder = undefined;
  }
}

/** Indices on the packet grid that begin within `span`. */
function packetsIn({ firstFrame, frames }: BlockSpan, frameRate: number): number[] {
  const at = (frame: number) => Math.ceil(frameTime(frame, frameRate) / PACKET_MICROS);
  const first = at(firstFrame);
  return Array.from({ length: at(firstFrame + frames) - first }, (_, i) => first + i);
}
