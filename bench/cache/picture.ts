/**
 * Draw what `bench cache` found: for each policy, what it remembers by age, beside the full cache.
 *
 * Run: `npm run -s bench -- cache --json | tail -1 | node bench/cache/picture.ts > docs/pictures/cache-policies.svg`
 */

import { readFileSync } from "node:fs";

type Figures = Readonly<Record<string, unknown>>;

const AGES = ["30_100", "100_300", "300_1000", "1000_Infinity"] as const;
const AGE_NAMES = ["30+", "100+", "300+", "1000+"] as const;
const POLICIES = [
  ["truncate", "newest only"],
  ["random_drop", "random drop"],
  ["thin", "thin"],
  ["pool", "pool"],
  ["convkv_mean_temporal", "ConvKV, mean"],
  ["convkv_learned_temporal", "ConvKV, learned"],
  ["tempcache_without_log_m", "TempCache without ln m"],
  ["tempcache", "TempCache"],
] as const;

const PANEL = { width: 200, height: 150, columns: 4 } as const;
const PLOT = { left: 34, top: 30, width: 150, height: 80 } as const;
const STYLE =
  "text{font:11px system-ui,sans-serif;fill:#334}.t{font-weight:600;font-size:12px}.a{fill:#778;font-size:10px}" +
  ".b{fill:#0a7ea4}.f{stroke:#e08a00;stroke-width:2}.g{stroke:#dde}";

const figures = JSON.parse(readFileSync(0, "utf8")) as Figures;
process.stdout.write(`${draw(figures)}\n`);

function draw(all: Figures): string {
  const rows = Math.ceil(POLICIES.length / PANEL.columns);
  const [width, height] = [PANEL.width * PANEL.columns, PANEL.height * rows + 24];
  const panels = POLICIES.map(([name, title], i) => {
    const x = (i % PANEL.columns) * PANEL.width;
    const y = Math.floor(i / PANEL.columns) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${panel(title, sharesOf(all, name), all)}</g>`;
  });
  const legend =
    `<text class="a" x="12" y="${height - 8}">bars: attributes of a room that came back right, by frames since it was ` +
    "last in view; orange: the full cache</text>";
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<style>${STYLE}</style><rect width="${width}" height="${height}" fill="#fff"/>${panels.join("")}${legend}</svg>`
  );
}

function panel(title: string, shares: readonly number[], all: Figures): string {
  const full = sharesOf(all, "full");
  const step = PLOT.width / AGES.length;
  const heightAt = (share: number): number => PLOT.top + PLOT.height * (1 - share);
  const bars = shares.map((share, i) => {
    const x = PLOT.left + i * step + 5;
    const y = heightAt(share);
    const bar = `<rect class="b" x="${x}" y="${y}" width="${step - 10}" height="${PLOT.top + PLOT.height - y}" rx="2"/>`;
    const top = heightAt(full[i] ?? 0);
    const line = `<line class="f" x1="${x - 3}" x2="${x + step - 7}" y1="${top}" y2="${top}"/>`;
    const value = `<text class="a" x="${x + step / 2 - 5}" y="${y - 3}" text-anchor="middle">${Math.round(100 * share)}</text>`;
    const age = `<text class="a" x="${x + step / 2 - 5}" y="${PLOT.top + PLOT.height + 13}" text-anchor="middle">${AGE_NAMES[i]}</text>`;
    return bar + line + value + age;
  });
  const grid = [0, 0.5, 1].map(
    (share) =>
      `<line class="g" x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${heightAt(share)}" y2="${heightAt(share)}"/>` +
      `<text class="a" x="${PLOT.left - 5}" y="${heightAt(share) + 3}" text-anchor="end">${100 * share}%</text>`,
  );
  return `<text class="t" x="12" y="16">${title}</text>${grid.join("")}${bars.join("")}`;
}

/** Shares right by age of one arm. */
function sharesOf(all: Figures, name: string): number[] {
  const arm = (all[name] ?? {}) as Figures;
  return AGES.map((age) => Number(arm[`memory_probe_${age}`] ?? 0));
}
