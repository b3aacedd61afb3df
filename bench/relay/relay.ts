/** A bad network between a page and its server: datagrams relayed by a process of its own. */

import { Child } from "../webrtc/child.ts";
import type { Endpoint, Weather } from "./leg.ts";

/** What the relay's process answers. */
export interface RelayQuestions {
  readonly open: {
    readonly ask: { readonly seed: number };
    readonly answer: { readonly id: number; readonly front: Endpoint; readonly back: Endpoint };
  };
  readonly server: {
    readonly ask: { readonly id: number; readonly server: Endpoint };
    readonly answer: null;
  };
  readonly weather: {
    readonly ask: { readonly id: number; readonly weather: Weather };
    readonly answer: null;
  };
  readonly close: { readonly ask: { readonly id: number }; readonly answer: null };
}

/** A connection that nothing is done to. */
export const FAIR: Weather = { down: {}, up: {} };

/** The relay. Lifetime: until `stop`. */
export class Relay {
  readonly #child = new Child<RelayQuestions>(new URL("./relay-process.ts", import.meta.url));

  /** Open a way for one connection; `seed` decides what is lost. */
  async open(seed: number): Promise<RelayedLeg> {
    const { id, front, back } = await this.#child.ask("open", { seed });
    return {
      offer: (sdp) => withOnlyCandidate(sdp, back),
      answer: async (sdp) => {
        await this.#child.ask("server", { id, server: serverOf(sdp) });
        return withOnlyCandidate(sdp, front);
      },
      weather: (weather) => this.#child.ask("weather", { id, weather }),
      close: () => this.#child.ask("close", { id }),
    };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

/** One connection that goes through the relay, once its descriptions were rewritten. */
export interface RelayedLeg {
  /** The offer, as if its client were the relay. */
  readonly offer: (sdp: string) => string;
  /** The answer, as if its server were the relay. */
  readonly answer: (sdp: string) => Promise<string>;
  readonly weather: (weather: Weather) => Promise<null>;
  readonly close: () => Promise<null>;
}

const CANDIDATE = /^a=candidate:\S+ 1 udp \d+ (\d+(?:\.\d+){3}) (\d+) typ host.*$/im;

/** The first host candidate over UDP and IPv4. */
function serverOf(answer: string): Endpoint {
  const [, address, port] = CANDIDATE.exec(answer) ?? [];
  if (address === undefined) throw new Error("the answer has no candidate to relay to");
  return { address, port: Number(port) };
}

/** `sdp` with one candidate, `only`, in each section that had some. */
function withOnlyCandidate(sdp: string, only: Endpoint): string {
  const line = `a=candidate:1 1 udp 2130706431 ${only.address} ${only.port} typ host`;
  let isNew = true;
  const lines = sdp.split(/\r?\n/).flatMap((text) => {
    if (text.startsWith("m=")) isNew = true;
    if (!text.startsWith("a=candidate:")) return [text];
    if (!isNew) return [];
    isNew = false;
    return [line];
  });
  return lines.join("\r\n");
}
