/** What the kernel counts of processes (proc(5)). */

import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** Processor time of process `pid` so far, all its threads, in milliseconds; 0 when it is gone. */
export function processorTime(pid: number): number {
  const fields = statOf(pid);
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / TICKS_PER_SECOND;
}

/** The processes that `pid` started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  const all = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return all.map(Number).filter((each) => statOf(each)[1] === String(pid));
}

/** The fields of /proc/PID/stat after the command's name: state, parent and so on. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
