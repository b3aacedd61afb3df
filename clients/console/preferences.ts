import type { TransportChoice } from "../web/index.ts";

const TRANSPORTS = ["auto", "webrtc", "websocket"] as const;
const DELAYS = ["low", "default"] as const;

/** How this person likes to be connected: the same on every visit. */
export type Preferences = Required<TransportChoice>;

/** What is kept of a visit; storage may be refused by the browser. */
export type Kept = Pick<Storage, "getItem" | "setItem">;

const KEY = { transport: "zoetrope.transport", delay: "zoetrope.delay" } as const;

/**
 * The preferences: what the page's address says (`?transport=websocket&delay=default`), then what was chosen on an
 * earlier visit, then `delay`.
 */
export function readPreferences(
  search: string,
  kept: Kept | undefined,
  delay: Preferences["delay"] = "low",
): Preferences {
  const query = new URLSearchParams(search);
  const one = <Word extends string>(
    words: readonly Word[],
    name: keyof typeof KEY,
  ): Word | undefined =>
    words.find((word) => word === query.get(name)) ??
    words.find((word) => word === kept?.getItem(KEY[name]));
  return {
    transport: one(TRANSPORTS, "transport") ?? "auto",
    delay: one(DELAYS, "delay") ?? delay,
  };
}

/** Keep preferences for the next visit. */
export function keepPreferences(preferences: Preferences, kept: Kept | undefined): void {
  kept?.setItem(KEY.transport, preferences.transport);
  kept?.setItem(KEY.delay, preferences.delay);
}

/** The browser's storage, undefined where it is refused. */
export function keptHere(): Kept | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
