/** `rooms` is scored by its renderer, which is a program in `training`: run it and pass its figures on. */

import { spawn } from "node:child_process";
import type { BenchFigures } from "./bench.ts";

/** Score the package `model` with the evaluator of the same name; its progress goes to stderr. */
export async function scoreRooms(model: string): Promise<BenchFigures> {
  const child = spawn("bash", ["training/run", model, "evaluate", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  if (code !== 0) throw new Error(`the evaluator of ${model} ended with ${code}: ${last}`);
  return JSON.parse(last) as BenchFigures;
}
