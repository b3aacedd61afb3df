/** Let `main` fill the screen, or leave that. */
export function toggleFullScreen(main: HTMLElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled) void main?.requestFullscreen();
}
