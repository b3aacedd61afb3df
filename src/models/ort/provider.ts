import type { InferenceSession } from "onnxruntime-node";
import type { ModelOptions, Provider } from "../contract.ts";
import type { Manifest } from "../manifest.ts";

/** Where to try to run graphs. */
export interface ProviderPlan extends Provider {
  readonly options: InferenceSession.SessionOptions;
}

/** Threads of one run when nobody advises: more gain little on the small graphs of a live model. */
const DEFAULT_THREADS = 2;

/**
 * Choose a provider.
 *
 * `auto` takes what the package prefers, else the CPU: for models of this size copying to a device and back
 * costs more than it saves, and the same seed gives the same pictures on every machine of one kind.
 */
export function planProvider(
  wish: ModelOptions,
  advice: Manifest["provider"],
  cores: number,
): ProviderPlan {
  const preferred = advice?.preferred;
  const name = wish.provider === "auto" ? (preferred ?? "cpu") : wish.provider;
  const threads = Math.min(cores, wish.intraOpThreads ?? advice?.intraOpThreads ?? DEFAULT_THREADS);
  return {
    name,
    reason: reasonFor(wish, preferred),
    options: {
      executionProviders: name === "cpu" ? ["cpu"] : [name, "cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3,
      extra: { session: { intra_op: { allow_spinning: wish.spinning === true ? "1" : "0" } } },
    },
  };
}

function reasonFor(wish: ModelOptions, preferred: string | undefined): string {
  if (wish.provider !== "auto") return "configured";
  return preferred === undefined
    ? "auto: the CPU, which the shipped models are tuned for"
    : `auto: the package prefers ${preferred}`;
}
