import { concatMap, Observable } from "rxjs";
import type { Leased } from "../core/credits.ts";
import { as, frameTime, type Micros, type Millis } from "../core/units.ts";
import type { BlockResult } from "./engine/contract.ts";
import type { Picture } from "./events.ts";
import type { Pacer } from "./pacer.ts";

/** What paces the frames of finished blocks. */
export interface PacingParts {
  readonly pacer: Pacer;
  readonly frameRate: number;
  /** Told how late each frame was let go. */
  readonly released: (late: Millis) => void;
}

/**
 * Let the frames of each block go on the media clock, in order; a block's lease returns after its last.
 *
 * Lifecycle: cold. Buffers at most as many blocks as there are leases. Unsubscribing drops the frames that
 * are waiting; their leases are returned by `pull`.
 */
export const pacePictures =
  (parts: PacingParts) =>
  (blocks: Observable<Leased<BlockResult>>): Observable<Picture> =>
    blocks.pipe(concatMap((leased) => paceBlock(leased, parts)));

const paceBlock = ({ value: block, lease }: Leased<BlockResult>, parts: PacingParts) =>
  new Observable<Picture>((subscriber) => {
    const stop = new AbortController();
    const run = async () => {
      for (const picture of picturesOf(block, parts.frameRate)) {
        parts.released(await parts.pacer.release(picture.pts, stop.signal));
        subscriber.next(picture);
      }
      subscriber.complete();
    };
    run()
      .catch((error: unknown) => {
        if (!stop.signal.aborted) subscriber.error(error);
      })
      .finally(() => {
        lease.release();
      });
    return () => {
      stop.abort();
    };
  });

/** The pictures of a block in order; a block nobody watched has pictures without packets. */
export function picturesOf(block: BlockResult, frameRate: number): Picture[] {
  return Array.from({ length: block.frames }, (_, i) => {
    const frame = block.firstFrame + i;
    const pts = frameTime(frame, frameRate);
    return {
      block: block.block,
      frame: as(frame),
      pts,
      duration: as<Micros>(frameTime(frame + 1, frameRate) - pts),
      epoch: block.epoch,
      endOfBlock: i === block.frames - 1,
      packets: block.packets.filter((packet) => packet.frame === frame),
    };
  });
}
