/** What the parts of the WebRTC bench share. */

import { setTimeout as wait } from "node:timers/promises";
import type { Browser } from "playwright-core";
import type { Relay } from "../relay/relay.ts";
import type { BenchServer } from "./server.ts";
import type { Source } from "./source.ts";

/** What is measured, and with what. */
export interface Tools {
  readonly server: BenchServer;
  /** The baseline. */
  readonly aiortc: Source;
  readonly browser: Browser;
  readonly relay: Relay;
  /** Of the longest watch, in seconds; every other one is at most this long. */
  readonly length: number;
}

/** Seconds of a part that would usually take `usual`: fewer in a quick run. */
export const seconds = ({ length }: Tools, usual: number): number => Math.min(usual, length);

/** How often a noisy part is repeated: three times, once in a quick run. */
export const rounds = ({ length }: Tools): number => (length < 60 ? 1 : 3);

/** Let `count` seconds go by. */
export const pause = (count: number): Promise<void> => wait(count * 1000);

/** Say what is being done. */
export const say = (what: string): void => console.error(`webrtc: ${what}`);
