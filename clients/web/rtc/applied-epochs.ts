import { as, type Micros } from "../../../src/core/units.ts";

/** Changes remembered: those whose pictures are still to come. */
const KEPT = 64;
/** Half a frame at 60 Hz: media times that are estimated are compared with this much room. */
const ROOM: Micros = as(8_000);

/** Which control epoch a picture shows, from what the server said of when each change is first seen. */
export class AppliedEpochs {
  #applied: { readonly epoch: number; readonly pts: number }[] = [];

  /** Pictures from `pts` on show `epoch`. */
  applied(epoch: number, pts: number): void {
    this.#applied.push({ epoch, pts });
    if (this.#applied.length > KEPT) this.#applied.shift();
  }

  /** The epoch that a picture of media time `pts` shows; 0 where none is known. */
  at(pts: Micros): number {
    return this.#applied.findLast((each) => each.pts <= pts + ROOM)?.epoch ?? 0;
  }

  /** Forget the changes of a time before a gap. */
  clear(): void {
    this.#applied = [];
  }
}
