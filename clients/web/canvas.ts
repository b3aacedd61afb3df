/**
 * The context that pictures are drawn with.
 *
 * @throws TypeError when the canvas has a context of another kind already.
 */
export function pictureContext(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new TypeError("canvas: has a context of another kind already");
  return context;
}

/** Size a canvas to a stream's pictures. */
export function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
