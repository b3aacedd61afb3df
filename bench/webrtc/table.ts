/** The figures of the WebRTC bench as Markdown. */

import type { Machine } from "../machine.ts";
import { BARS, type Bar } from "./bars.ts";

/** What the bench printed. */
export type Figures = Readonly<Record<string, unknown>> & { readonly machine: Machine };

/** Read the last line of the bench's output. @throws {Error} when that is not the WebRTC bench's. */
export function readFigures(output: string): Figures {
  const figures = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Figures;
  if (figures["bench"] !== "webrtc") throw new Error("these are not the figures of `bench webrtc`");
  return figures;
}

/** The machine in a sentence, and a table for each group of bars. */
export function tablesOf(figures: Figures): string {
  const { cores, cpu, arch, memory_gib, node, date, load_average } = figures.machine;
  const where =
    `${cores} cores (${cpu}, ${arch}), ${memory_gib} GiB, Node ${node}, Chromium ` +
    `${show(figures["chromium"])}, ${date}; load average at the start ${load_average}; ` +
    `the watch was ${show(figures["seconds"])} s.`;
  const tables = BARS.map(({ title, bars }) => [
    `| ${title} | measured | goal | aiortc |`,
    "|---|---|---|---|",
    ...bars.map((bar) => rowOf(bar, figures)),
  ]);
  return [[where], ...tables].map((lines) => lines.join("\n")).join("\n\n");
}

function rowOf({ key, what, unit, most, least, aiortc }: Bar, figures: Figures): string {
  const withUnit = (value: unknown) =>
    typeof value === "number" && unit !== undefined ? `${value} ${unit}` : show(value);
  const other = aiortc === undefined ? "" : withUnit(figures[aiortc]);
  return `| ${what} | ${withUnit(figures[key])} | ${goalOf(most, least)} | ${other} |`;
}

const goalOf = (most?: number, least?: number): string => {
  if (most !== undefined) return most === 0 ? "0" : `≤ ${most}`;
  return least === undefined ? "" : `≥ ${least}`;
};

/** A figure that never came is null; one whose part broke is missing. */
function show(value: unknown): string {
  if (value === null) return "never";
  if (value === undefined) return "not measured";
  return typeof value === "string" ? value : JSON.stringify(value);
}

const BEGIN = "<!-- bench webrtc -->";
const END = "<!-- end of bench webrtc -->";

/** Put `tables` in their place in a document. @throws {Error} when it has none. */
export function fill(document: string, tables: string): string {
  const [from, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`the document has no ${BEGIN} … ${END}`);
  return `${document.slice(0, from + BEGIN.length)}\n\n${tables}\n\n${document.slice(to)}`;
}
