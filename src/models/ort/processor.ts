import { readFileSync } from "node:fs";
import { arch, availableParallelism } from "node:os";

/** What a plan must know of the processor. */
export interface Processor {
  readonly cores: number;
  /** Whether it adds up products of 8 bits in 32; older ones do in 16, where they overflow. */
  readonly exactInt8: boolean;
}

/** The processor of this machine. Where nothing says what it can, it is taken for an older one. */
export const processor = (): Processor => ({
  cores: availableParallelism(),
  exactInt8: arch() === "arm64" || hasVnni(processorFlags()),
});

/** Whether the flags of a processor, as Linux lists them, name the instructions for neural networks. */
export const hasVnni = (flags: string): boolean => /\bavx(512)?_vnni\b/.test(flags);

function processorFlags(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    // Only Linux has the file.
    return "";
  }
}
