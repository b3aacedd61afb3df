/** The worklet's entry: plays decoded sound on the audio thread, out of reach of a busy page. */

import { SOUND_PROCESSOR, type SoundChunk, type SoundPosition } from "./messages.ts";
import { SoundQueue } from "./sound-queue.ts";

/** What the audio thread offers; TypeScript's libraries leave it out. */
declare const sampleRate: number;
declare const currentTime: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** Quanta of 128 samples between two reports: about twenty a second. */
const REPORT_EVERY = 19;

class SoundProcessor extends AudioWorkletProcessor {
  readonly #queue = new SoundQueue(sampleRate);
  #quanta = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data: source }: MessageEvent<MessagePort>) => {
      source.onmessage = ({ data }: MessageEvent<SoundChunk>) => {
        this.#queue.push(data.pts, data.samples);
      };
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const [first, ...others] = output ?? [];
    if (first === undefined) return true;
    const pts = this.#queue.pull(first);
    for (const channel of others) channel.set(first);
    this.#quanta += 1;
    if (pts !== undefined && this.#quanta % REPORT_EVERY === 0) {
      this.port.postMessage({ pts, time: currentTime } satisfies SoundPosition);
    }
    return true;
  }
}

registerProcessor(SOUND_PROCESSOR, SoundProcessor);
