/** What a pointer presses once and is done with; a field that is typed into keeps the focus. */
const PRESSED = "button, input[type=range], .choices__option";

/**
 * After a press with a mouse or a finger inside `root` the focus goes to `picture`, so that the keys play
 * again; until `signal` aborts. Whoever presses with the keyboard stays where they are.
 */
export function returnFocus(root: HTMLElement, picture: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "click",
    ({ detail, target }) => {
      const byKeyboard = detail === 0;
      if (byKeyboard || !(target instanceof Element) || target.closest(PRESSED) === null) return;
      // A label hands the focus to its input after this event.
      setTimeout(() => {
        picture.focus({ preventScroll: true });
      });
    },
    { signal },
  );
}
