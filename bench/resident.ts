/** Memory of processes, as the kernel counts it (proc(5)). */

import { readFileSync } from "node:fs";

/** Resident memory of process `pid`, MB. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}
