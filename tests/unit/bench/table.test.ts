import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BARS } from "../../../bench/webrtc/bars.ts";
import { fill, readFigures, tablesOf } from "../../../bench/webrtc/table.ts";

const read = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

const bars = BARS.flatMap((group) => group.bars);
const machine = {
  ...{ cpu: "Processor", cores: 2, memory_gib: 8, arch: "x64", node: "v24.0.0" },
  ...{ load_average: 0.1, commit: "abc", date: "2026-01-02" },
};
const output = JSON.stringify({
  bench: "webrtc",
  ...{ seconds: 600, chromium: "100.0" },
  ...{ post_to_201_ms: 20.5, aiortc_post_to_201_ms: 60, outage_1s_recovery_ms: null },
  machine,
});

/** The keys of a row of the README, written out, and its target. */
function explained(row: string): readonly (readonly [key: string, target: string])[] {
  const cells = row.split("|").map((cell) => cell.trim());
  const names = [...(cells[1] ?? "").matchAll(/`([a-z0-9_]+)`/g)].map(([, name]) => name ?? "");
  const stem = (names[0] ?? "").replace(/(_p\d+)?_[a-z]+$/, "");
  const keys = names.map((name) => (name.startsWith("_") ? stem + name : name));
  return keys.map((key) => [key, cells.at(-2) ?? ""]);
}

describe("the figures of the WebRTC bench", () => {
  it("are all explained, with the goals they are held against", () => {
    const section = read("bench/README.md").split("\n## `webrtc`")[1] ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    const targets = new Map(rows.flatMap(explained));

    for (const { key, most, least } of bars) {
      expect(targets.has(key), key).toBe(true);
      const goal = most ?? least;
      if (goal !== undefined) expect(targets.get(key)?.match(/[\d.]+/g), key).toContain(`${goal}`);
    }
  });

  it("become tables that name the machine, the goals and what is missing", () => {
    const tables = tablesOf(readFigures(`progress\n${output}\n`));

    expect(tables).toContain("2 cores (Processor, x64), 8 GiB, Node v24.0.0, Chromium 100.0");
    expect(tables).toContain("| offer to answer, median | 20.5 ms | ≤ 100 | 60 ms |");
    expect(tables).toContain("| 1 s outage: its end to a picture | never | ≤ 200 |  |");
    expect(tables).toContain("| encodings for eight viewers | not measured | ≤ 1 |  |");
  });

  it("have a place in the docs", () => {
    const document = read("docs/webrtc.md");

    const once = fill(document, "first");
    expect(once).toContain("-->\n\nfirst\n\n<!--");
    expect(fill(once, "first")).toBe(once);
    expect(() => fill("# nothing", "first")).toThrow("has no");
    expect(() => readFigures('{"bench":"world"}')).toThrow("not the figures");
  });
});
