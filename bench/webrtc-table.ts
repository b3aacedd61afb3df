/**
 * `node bench/webrtc-table.ts FIGURES [DOCUMENT]`: the figures that `npm run -s bench -- webrtc --json > FIGURES`
 * wrote as tables, printed, or put in their place in DOCUMENT.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fill, readFigures, tablesOf } from "./webrtc/table.ts";

const [figures, document] = process.argv.slice(2);
if (figures === undefined) {
  console.error("usage: node bench/webrtc-table.ts FIGURES [DOCUMENT]");
  process.exit(2);
}
const tables = tablesOf(readFigures(readFileSync(figures, "utf8")));
if (document === undefined) console.log(tables);
else writeFileSync(document, fill(readFileSync(document, "utf8"), tables));
