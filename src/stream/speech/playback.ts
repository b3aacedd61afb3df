import type { Span } from "./speech-queue.ts";

/** An utterance's first sample, or its end, at a sample of everything that was ever given to the model. */
export type Cue = { readonly utterance: string; readonly at: number } & (
  | { readonly edge: "start" }
  | {
      readonly edge: "end";
      /** Samples of it that are heard. */
      readonly played: number;
      readonly interrupted: boolean;
    }
);

interface Given {
  /** Samples that nothing can take back. */
  settled: number;
  /** What was given last, oldest first. */
  spans: { readonly from: number; readonly to: number }[];
}

/**
 * Which sample of what was given to a model belongs to which utterance, and what of it is heard.
 *
 * What was given and is not heard yet can be cut off: the look-ahead's samples. Bounded by the utterances that are not over.
 */
export class Playback {
  readonly #lookAhead: number;
  readonly #given = new Map<string, Given>();
  #cues: Cue[] = [];
  #end = 0;

  /** `lookAhead`: samples that the voice is held back by. */
  constructor(lookAhead: number) {
    this.#lookAhead = lookAhead;
  }

  /** The next block was given, of `length` samples. */
  give(spans: readonly Span[], length: number): void {
    for (const { utterance, from, to, isFirst, isLast } of spans) {
      if (isFirst) this.#cues.push({ utterance, edge: "start", at: this.#end + from });
      const given = this.#add(utterance, { from: this.#end + from, to: this.#end + to });
      if (!isLast) continue;
      const played = given.settled + lengthOf(given.spans);
      const at = this.#end + to;
      this.#cues.push({ utterance, edge: "end", at, played, interrupted: false });
    }
    this.#end += length;
  }

  /** Whoever is not over ends where the next block begins; `unsaid` are those of whom nothing was given. */
  cut(unsaid: readonly string[]): void {
    const heard = Math.max(0, this.#end - this.#lookAhead);
    const over = new Set(
      this.#cues
        .filter(({ edge, at }) => edge === "end" && at <= heard)
        .map((cue) => cue.utterance),
    );
    this.#cues = this.#cues.filter(
      ({ edge, at }) => at < heard || (edge === "end" && at === heard),
    );
    const interrupted = new Set([...this.#given.keys(), ...unsaid]);
    for (const utterance of interrupted) {
      if (over.has(utterance)) continue;
      const played = this.#heard(utterance, heard);
      this.#cues.push({ utterance, edge: "end", at: heard, played, interrupted: true });
    }
  }

  /** One utterance ends where the next block begins, and all that was given of it is heard. */
  drop(utterance: string): void {
    const played = this.#heard(utterance, this.#end);
    this.#cues.push({ utterance, edge: "end", at: this.#end, played, interrupted: true });
  }

  /** What has come to be heard before sample `end` of the voice, in order. */
  heard(end: number): Cue[] {
    const due = this.#cues.filter(({ at }) => at + this.#lookAhead <= end);
    this.#cues = this.#cues.filter((cue) => !due.includes(cue));
    for (const { edge, utterance } of due) if (edge === "end") this.#given.delete(utterance);
    return due;
  }

  #add(utterance: string, span: Given["spans"][number]): Given {
    const given = this.#given.get(utterance) ?? { settled: 0, spans: [] };
    this.#given.set(utterance, given);
    const settled = given.spans.filter(({ to }) => to <= this.#end - this.#lookAhead);
    given.settled += lengthOf(settled);
    given.spans = [...given.spans.slice(settled.length), span];
    return given;
  }

  #heard(utterance: string, end: number): number {
    const { settled, spans } = this.#given.get(utterance) ?? { settled: 0, spans: [] };
    return settled + lengthOf(spans.map(({ from, to }) => ({ from, to: Math.min(to, end) })));
  }
}

const lengthOf = (spans: Given["spans"]): number =>
  spans.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
