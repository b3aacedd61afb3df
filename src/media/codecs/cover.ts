/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The smallest size of the shape of `source` that covers `wanted`; both sides even. */
export function cover(source: Size, wanted: Size): Size {
  const scale = Math.max(wanted.width / source.width, wanted.height / source.height);
  const even = (side: number): number => Math.ceil(side / 2) * 2;
  return {
    width: Math.max(even(source.width * scale), even(wanted.width)),
    height: Math.max(even(source.height * scale), even(wanted.height)),
  };
}
