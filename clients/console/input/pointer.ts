import type { MotionBinding } from "./bindings.ts";
import type { Mixer } from "./mixer.ts";

/** A dragged finger moves less than a mouse for the same intent. */
const FINGER_GAIN = 2;

/**
 * Mouse motion drives axes while the picture has captured the pointer, and a finger drags them; until
 * `signal` aborts. A click on the picture captures, Escape lets go.
 */
export function driveByPointer(
  picture: HTMLElement,
  motions: readonly MotionBinding[],
  mixer: Mixer,
  signal: AbortSignal,
): void {
  if (motions.length === 0) return;
  const move = (dx: number, dy: number) => {
    for (const { control, direction, scale } of motions) {
      const pixels = direction === "dx" ? dx : dy;
      if (pixels !== 0) mixer.move(control, pixels * scale);
    }
  };
  picture.addEventListener(
    "click",
    () => {
      if (document.pointerLockElement !== picture) void picture.requestPointerLock();
    },
    { signal },
  );
  picture.addEventListener(
    "pointermove",
    (event) => {
      const dragging = event.pointerType === "touch";
      if (!dragging && document.pointerLockElement !== picture) return;
      const gain = dragging ? FINGER_GAIN : 1;
      move(event.movementX * gain, event.movementY * gain);
    },
    { signal },
  );
}
