import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes of array buffers that something still holds: what may be collected is collected first. */
export async function heldArrayBuffers(): Promise<number> {
  return (await usageOfWhatIsHeld()).arrayBuffers;
}

/** Bytes of objects and array buffers that something still holds. */
export async function heldBytes(): Promise<number> {
  const { heapUsed, arrayBuffers } = await usageOfWhatIsHeld();
  return heapUsed + arrayBuffers;
}

async function usageOfWhatIsHeld(): Promise<NodeJS.MemoryUsage> {
  collect();
  // What is swept beside the program counts until it is done, which the next collection waits for.
  await setImmediate();
  collect();
  return process.memoryUsage();
}
