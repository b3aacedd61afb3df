import type { SessionStats, TransportChoice } from "../web/index.ts";
import { element } from "./element.ts";
import { Numbers } from "./numbers.ts";
import type { Preferences } from "./preferences.ts";
import { choices, type Label } from "./widgets.ts";
import { describeQuality, transportName } from "./words.ts";

const label = (name: string, title: string, hint: string): Label => ({
  name: `connection-${name}`,
  title,
  hint,
  unit: "",
});

/** The part of the panel about the way to the server: how good it is, its numbers, and which one to take. */
export class ConnectionPanel {
  readonly root = element("div", { class: "connection" });
  readonly #quality = element("p", { class: "connection__quality" }, "–");
  readonly #numbers = new Numbers("network");

  /** `choose` takes another way to the same session. */
  constructor(preferences: Preferences, choose: (choice: Preferences) => void) {
    let chosen = preferences;
    const change = (part: TransportChoice) => {
      chosen = { ...chosen, ...part };
      choose(chosen);
    };
    const transport = choices(
      label("transport", "Way", "Auto: WebRTC, and the WebSocket where that does not get through"),
      ["auto", "webrtc", "websocket"] as const,
      (value) => {
        change({ transport: value });
      },
      (value) => (value === "auto" ? "Auto" : transportName(value)),
    );
    const delay = choices(
      label(
        "delay",
        "Delay",
        "WebRTC: show pictures at once, or hold back up to 200 ms for evenness",
      ),
      ["low", "default"] as const,
      (value) => {
        change({ delay: value });
      },
      (value) => (value === "low" ? "Low" : "Smooth"),
    );
    transport.show(preferences.transport);
    delay.show(preferences.delay);
    const form = element("div", { class: "settings" }, this.#quality, transport.body, delay.body);
    this.root.append(form, this.#numbers.root);
  }

  show(stats: SessionStats): void {
    this.#quality.textContent = describeQuality(stats.quality);
    this.#quality.dataset["grade"] = stats.quality.grade;
    this.#numbers.show(stats);
  }

  dispose(): void {
    this.#numbers.dispose();
  }
}
