/** The link that lets somebody watch a session: its id and its viewers' secret, behind the page's `#`. */

import type { Toasts } from "./toasts.ts";

/** Whom a link lets watch. */
export interface WatchTarget {
  readonly session: string;
  readonly token: string;
}

/** The target in a page's `#…`; undefined when it names none. */
export function watchTarget(hash: string): WatchTarget | undefined {
  const { session, token } = /^#watch=(?<session>[\w-]{1,64})\.(?<token>[\w-]{16,128})$/.exec(hash)
    ?.groups ?? { session: undefined, token: undefined };
  return session === undefined || token === undefined ? undefined : { session, token };
}

/** The address under which `target` can be watched, on the page at `page`. */
export function watchAddress({ session, token }: WatchTarget, page: string): string {
  const address = new URL("/", page);
  address.hash = `watch=${session}.${token}`;
  return address.href;
}

/** Put the link on the clipboard, or show it where the browser refuses that. */
export async function shareLink(target: WatchTarget, toasts: Toasts): Promise<void> {
  const address = watchAddress(target, location.href);
  const copied = await copy(address);
  toasts.show(
    copied
      ? {
          title: "Link copied",
          advice: "Whoever opens it watches this session, and steers nothing.",
        }
      : { title: "Copy this link", advice: address },
  );
}

async function copy(text: string): Promise<boolean> {
  // Browsers have a clipboard in secure contexts only.
  if (!("clipboard" in navigator)) return false;
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}
