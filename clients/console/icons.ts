const SVG = "http://www.w3.org/2000/svg";

/** Outlines on a 24 by 24 grid, drawn with a rounded stroke. */
const OUTLINES = {
  back: "M14.5 5.5 8 12l6.5 6.5",
  pause: "M9 6v12M15 6v12",
  play: "M8.5 5.5v13l10-6.5z",
  step: "M6.5 5.5v13l8.5-6.5zM18 6v12",
  reset: "M5 12a7 7 0 1 0 2.3-5.2M5 4.5v4h4",
  record: "M12 6.5a5.5 5.5 0 1 0 .01 0z",
  stop: "M7.5 7.5h9v9h-9z",
  expand: "M5 9.5V5h4.5M14.5 5H19v4.5M19 14.5V19h-4.5M9.5 19H5v-4.5",
  shrink: "M9.5 5v4.5H5M19 9.5h-4.5V5M14.5 19v-4.5H19M5 14.5h4.5V19",
  sliders: "M4.5 8h8M16.5 8h3M14.5 6v4M4.5 16h3M11.5 16h8M9.5 14v4",
  close: "M7 7l10 10M17 7 7 17",
  dice: "M6 5h12a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  gamepad:
    "M8 7h8a5 5 0 0 1 4.9 4.1l.8 4.3a2.2 2.2 0 0 1-3.8 1.9L16 15H8l-1.9 2.3a2.2 2.2 0 0 1-3.8-1.9l.8-4.3A5 5 0 0 1 8 7zM8.5 9.5v3M7 11h3M15 10h.01M17 12h.01",
  sound: "M5 10v4h3l4 3.5v-11L8 10zM15.5 9.5a4 4 0 0 1 0 5M18 7a7.5 7.5 0 0 1 0 10",
  muted: "M5 10v4h3l4 3.5v-11L8 10zM15.5 10l4 4M19.5 10l-4 4",
  share: "M12 14.5V5M8.5 8 12 4.5 15.5 8M6.5 11.5V18a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-6.5",
  left: "M14 6.5 8.5 12l5.5 5.5",
  right: "M10 6.5 15.5 12 10 17.5",
  up: "M6.5 14 12 8.5l5.5 5.5",
  down: "M6.5 10 12 15.5l5.5-5.5",
  drum: "M4.5 8c0-1.5 3.4-2.7 7.5-2.7s7.5 1.2 7.5 2.7-3.4 2.7-7.5 2.7S4.5 9.5 4.5 8zM4.5 8v8c0 1.5 3.4 2.7 7.5 2.7s7.5-1.2 7.5-2.7V8M8 13v2.6M12 13.6v2.6M16 13v2.6",
} as const;

/** Names of the icons. */
export type IconName = keyof typeof OUTLINES;

/** An icon; decoration only, so it is hidden from assistive technology. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", OUTLINES[name]);
  svg.append(path);
  return svg;
}
