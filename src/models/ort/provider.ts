import type { InferenceSession } from "onnxruntime-node";
import type { ModelOptions, Provider } from "../contract.ts";
import type { Manifest } from "../manifest.ts";
import type { GraphNode } from "../onnx.ts";
import type { Processor } from "./processor.ts";

/** Where to try to run graphs. */
export interface ProviderPlan extends Provider {
  /** For every session. */
  readonly options: InferenceSession.SessionOptions;
  /** For the session of a graph with these nodes. */
  optionsFor(nodes: readonly GraphNode[]): InferenceSession.SessionOptions;
  /** Whether keys and values stay where graphs run. Only WebGPU outputs can, in this runtime. */
  readonly keepsOnDevice: boolean;
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
  { cores, exactInt8 }: Processor,
): ProviderPlan {
  const preferred = advice?.preferred;
  const name = wish.provider === "auto" ? (preferred ?? "cpu") : wish.provider;
  const threads = Math.min(cores, wish.intraOpThreads ?? advice?.intraOpThreads ?? DEFAULT_THREADS);
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3,
    extra: {
      session: {
        intra_op: { allow_spinning: wish.spinning === true ? "1" : "0" },
        // Products that cannot overflow take longer, also on a processor where none does.
        x64quantprecision: exactInt8 ? "0" : "1",
      },
    },
  };
  const optionsFor = (nodes: readonly GraphNode[]) => ({
    ...options,
    executionProviders: executionProviders(name, nodes),
  });
  return {
    name,
    reason: reasonFor(wish, preferred),
    options: optionsFor([]),
    optionsFor,
    keepsOnDevice: name === "webgpu",
  };
}

/** Operations whose device versions lose digits for arguments far from 0, as codes of noise levels have. */
const IMPRECISE_ON_DEVICE: ReadonlySet<string> = new Set(["Sin", "Cos"]);

/**
 * WebGPU runs convolutions in NCHW: in NHWC, its default, ONNX Runtime 1.30 gets those wrong whose input
 * channels leave a remainder of 2 by 4. Sines and cosines, a few floats at a graph's beginning, stay here.
 */
function executionProviders(
  name: string,
  nodes: readonly GraphNode[],
): InferenceSession.ExecutionProviderConfig[] {
  if (name === "cpu") return ["cpu"];
  if (name !== "webgpu") return [name, "cpu"];
  const here = nodes
    .filter((node) => IMPRECISE_ON_DEVICE.has(node.operator) && node.name !== "")
    .map((node) => node.name);
  const exact = here.length > 0 ? { forceCpuNodeNames: here } : {};
  return [{ name, preferredLayout: "NCHW", ...exact }, "cpu"];
}

function reasonFor(wish: ModelOptions, preferred: string | undefined): string {
  if (wish.provider !== "auto") return "configured";
  return preferred === undefined
    ? "auto: the CPU, which the shipped models are tuned for"
    : `auto: the package prefers ${preferred}`;
}
