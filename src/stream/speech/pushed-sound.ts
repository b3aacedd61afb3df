import { Gate } from "../gate.ts";
import type { SpeechSource } from "./utterance.ts";

/** A sound that comes in part by part from outside; whoever pushes bounds how much waits. One reader. */
export class PushedSound {
  readonly #parts: Float32Array[] = [];
  readonly #gate = new Gate(false);
  #isWhole = false;

  push(samples: Float32Array): void {
    this.#parts.push(samples);
    this.#gate.open();
  }

  /** No more will come. */
  end(): void {
    this.#isWhole = true;
    this.#gate.open();
  }

  /** Every part, past and to come, up to the end. */
  readonly read: SpeechSource = (signal) => this.#read(signal);

  async *#read(signal: AbortSignal): AsyncGenerator<Float32Array> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) yield part;
      else if (this.#isWhole) return;
      else {
        this.#gate.close();
        await this.#gate.pass(signal);
      }
    }
  }
}
