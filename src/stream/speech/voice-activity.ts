/** Whether somebody speaks into a live sound, block by block: not at every click, and through the pauses of a sentence. */

/** What is told of one block. */
export type Activity = "silent" | "speaking";

/** Units: seconds of sound. */
const BEGINS_AFTER = 0.1;
const ENDS_AFTER = 0.6;

/** Lifetime: a live sound's. */
export class VoiceActivity {
  readonly #beginsAfter: number;
  readonly #endsAfter: number;
  #isSpeaking = false;
  /** Blocks in a row that say otherwise. */
  #others = 0;

  /** `blockSeconds`: how long a block lasts. */
  constructor(blockSeconds: number) {
    this.#beginsAfter = Math.ceil(BEGINS_AFTER / blockSeconds);
    this.#endsAfter = Math.ceil(ENDS_AFTER / blockSeconds);
  }

  /** Take in whether the next block is audible. */
  observe(isAudible: boolean): Activity {
    this.#others = isAudible === this.#isSpeaking ? 0 : this.#others + 1;
    if (this.#others >= (this.#isSpeaking ? this.#endsAfter : this.#beginsAfter)) {
      this.#isSpeaking = isAudible;
      this.#others = 0;
    }
    return this.#isSpeaking ? "speaking" : "silent";
  }

  /** Somebody else is heard instead. */
  stop(): void {
    this.#isSpeaking = false;
    this.#others = 0;
  }
}
