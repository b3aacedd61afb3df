import type { KeyAction } from "./bindings.ts";
import type { Mixer } from "./mixer.ts";

/** Elements that need the keys themselves. */
const TAKES_KEYS = "input, select, textarea";
/** Keys that press a focused button. */
const PRESSES: ReadonlySet<string> = new Set(["Space", "Enter"]);

/** True when the key belongs to the element that has the focus, not to the game. */
function belongsToPage({ target, code }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest(TAKES_KEYS) !== null) return true;
  return PRESSES.has(code) && target.closest("button, a, summary") !== null;
}

/** Keys drive controls; until `signal` aborts. */
export function driveByKeyboard(
  actions: ReadonlyMap<string, readonly KeyAction[]>,
  mixer: Mixer,
  signal: AbortSignal,
): void {
  const onDown = (event: KeyboardEvent) => {
    const bound = actions.get(event.code);
    if (bound === undefined || event.ctrlKey || event.metaKey || belongsToPage(event)) return;
    event.preventDefault();
    for (const { control, value } of bound) mixer.hold(`key ${event.code}`, control, value);
  };
  const onUp = (event: KeyboardEvent) => {
    for (const { control } of actions.get(event.code) ?? []) {
      mixer.letGo(`key ${event.code}`, control);
    }
  };
  const release = () => {
    mixer.releaseAll();
  };
  addEventListener("keydown", onDown, { signal });
  addEventListener("keyup", onUp, { signal });
  addEventListener("blur", release, { signal });
  document.addEventListener("visibilitychange", release, { signal });
}
