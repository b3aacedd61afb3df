import type { LinkState, SessionStateName } from "../web/index.ts";
import { element } from "./element.ts";

/** The small sign in the header that says how the session is. */
export class Status {
  readonly root = element("p", { class: "status", role: "status" });

  constructor() {
    this.show({ kind: "connecting" }, "loading");
  }

  show(link: LinkState, state: SessionStateName): void {
    const word = wordFor(link, state);
    this.root.textContent = word;
    this.root.dataset["tone"] = word.toLowerCase();
  }
}

function wordFor(link: LinkState, state: SessionStateName): string {
  switch (link.kind) {
    case "connecting":
      return "Connecting";
    case "reconnecting":
      return "Reconnecting";
    case "closed":
      return "Ended";
    case "live":
      return state === "paused" ? "Paused" : state === "loading" ? "Loading" : "Live";
  }
}
