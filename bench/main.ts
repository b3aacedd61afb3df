/** `npm run -s bench -- NAME [--json]`: run one bench, print its table, then one JSON object. */

import { parseArgs } from "node:util";
import { type Machine, machine } from "./machine.ts";

/** What a bench measured: keys explained in bench/README.md. */
export type BenchFigures = Readonly<Record<string, unknown>>;

/** A bench takes its own flags and returns its figures; it prints progress to stderr. */
export interface Bench {
  readonly run: (flags: BenchFlags) => Promise<BenchFigures>;
}

/** Flags every bench understands; each has a default that its README names. */
export interface BenchFlags {
  readonly model: string;
  /** Seconds or frames, in the bench's own unit; absent means its standard length. */
  readonly length?: number;
}

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  world: () => import("./world.ts"),
  model: () => import("./model.ts"),
  flat: () => import("./flat.ts"),
  quality: () => import("./quality.ts"),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    model: { type: "string", default: "arcade" },
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
  model: values.model,
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
