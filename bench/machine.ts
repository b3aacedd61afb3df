import { execFileSync } from "node:child_process";
import { arch, availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** Where and on what a figure was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly arch: string;
  readonly node: string;
  readonly load_average: number;
  readonly commit: string;
  readonly date: string;
}

/** Describe this machine and its load at this moment. */
export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memory_gib: Math.round(totalmem() / 2 ** 30),
  arch: arch(),
  node: process.version,
  load_average: Number((loadavg()[0] ?? 0).toFixed(2)),
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
});

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
