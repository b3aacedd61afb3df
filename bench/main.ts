/** `npm run -s bench -- NAME [--json]`: run one bench, print its table, then one JSON object. */

import { parseArgs } from "node:util";
import type { Bench, BenchFigures } from "./bench.ts";
import { type Machine, machine } from "./machine.ts";

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  world: () => import("./world.ts"),
  model: () => import("./model.ts"),
  flat: () => import("./flat.ts"),
  hour: () => import("./hour.ts"),
  quality: () => import("./quality.ts"),
  cache: () => import("./cache.ts"),
  attention: () => import("./attention.ts"),
  webrtc: () => import("./webrtc.ts"),
  avatar: () => import("./avatar.ts"),
  "avatar-hour": () => import("./avatar-hour.ts"),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    model: { type: "string" },
    length: { type: "string" },
  },
});

const name = positionals[0] ?? "";
const open = BENCHES[name];
if (open === undefined) {
  console.error(`bench: unknown bench "${name}"; choose one of ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}

const where: Machine = machine();
const bench = await open();
const figures = await bench.run({
  model: values.model ?? bench.model ?? "arcade",
  ...(values.length === undefined ? {} : { length: Number(values.length) }),
});
if (!values.json) console.table(flatten(figures));
console.log(JSON.stringify({ bench: name, ...figures, machine: where }));
process.exit(0);

function flatten(figures: BenchFigures, prefix = ""): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(figures).flatMap(([key, value]) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(flatten(value as BenchFigures, `${prefix}${key}.`))
        : [[`${prefix}${key}`, Array.isArray(value) ? value.join(" ") : value]],
    ),
  );
}
