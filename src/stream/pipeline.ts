import { concatMap, Observable } from "rxjs";
import type { Leased } from "../core/credits.ts";
import { as, frameTime, type Micros, type Millis } from "../core/units.ts";
import type { BlockResult } from "./engine/contract.ts";
import type { Moment, Picture, Position } from "./events.ts";
import type { Pacer } from "./pacer.ts";

/** What paces the media of finished blocks. */
export interface PacingParts {
  readonly pacer: Pacer;
  readonly frameRate: number;
  /** Told how late each picture was let go. */
  readonly released: (late: Millis) => void;
}

/**
 * Let the pictures and the sound of each block go on the media clock, in order of their times; a block's lease
 * returns after its last. Sound that left with its picture would reach a player up to a picture's time early, in
 * jerks, and a player hides jerks behind delay.
 *
 * Lifecycle: cold. Buffers at most as many blocks as there are leases. Unsubscribing drops what is waiting; the
 * leases are returned by `pull`.
 */
export const paceMoments =
  (parts: PacingParts) =>
  (blocks: Observable<Leased<BlockResult>>): Observable<Moment> =>
    blocks.pipe(concatMap((leased) => paceBlock(leased, parts)));

const paceBlock = ({ value: block, lease }: Leased<BlockResult>, parts: PacingParts) =>
  new Observable<Moment>((subscriber) => {
    const stop = new AbortController();
    const run = async () => {
      for (const picture of picturesOf(block, parts.frameRate)) {
        parts.released(await parts.pacer.release(picture.pts, stop.signal));
        subscriber.next({ kind: "picture", picture });
        for (const packet of picture.sound) {
          await parts.pacer.release(packet.pts, stop.signal);
          subscriber.next({ kind: "sound", sound: { packet, picture } });
        }
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

/** Where a block begins. */
export const positionOf = ({ block, firstFrame, pts }: BlockResult): Position => ({
  block,
  frame: firstFrame,
  pts,
});

/** The pictures of a block in order; a block nobody watched has pictures without packets. */
export function picturesOf(block: BlockResult, frameRate: number): Picture[] {
  return Array.from({ length: block.frames }, (_, i) => {
    const frame = block.firstFrame + i;
    const pts = frameTime(frame, frameRate);
    const end = frameTime(frame + 1, frameRate);
    return {
      block: block.block,
      frame: as(frame),
      pts,
      duration: as<Micros>(end - pts),
      epoch: block.epoch,
      endOfBlock: i === block.frames - 1,
      packets: block.packets.filter((packet) => packet.frame === frame),
      sound: block.sound.filter((packet) => packet.pts >= pts && packet.pts < end),
    };
  });
}
