import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { CacheLayout } from "../../cache/layout.ts";
import { FloatPool } from "../../cache/store.ts";
import { StreamError } from "../../core/errors.ts";
import { cacheLayout } from "../arena.ts";
import { type CacheMemory, hostMemory } from "../cache-memory.ts";
import type { ModelOptions, Provider } from "../contract.ts";
import type { GraphRole, Manifest } from "../manifest.ts";
import { describeGraph } from "../onnx.ts";
import type { ModelPackage } from "../package.ts";
import { type GraphSignature, graphSignatures } from "../signatures.ts";
import type { GraphSet } from "../world-model.ts";
import { CommitSessions, DeviceMemory } from "./device-memory.ts";
import { OrtGraph } from "./graph.ts";
import { type ProviderPlan, planProvider } from "./provider.ts";

/** All graphs of a package, open. Lifetime: until `close`. */
export interface OpenGraphs {
  readonly provider: Provider;
  readonly graph: GraphSet;
  /** Makes room for a generation's keys and values where these graphs run. */
  readonly memory: (layout: CacheLayout) => CacheMemory;
  readonly close: () => Promise<void>;
}

/** Outputs that become part of the cache. */
const CACHED = ["key", "value"];

/**
 * Open every graph of a package.
 *
 * @throws {StreamError} `provider_unavailable` when a configured provider cannot run here, `inference_failed`
 *   when ONNX Runtime refuses a graph.
 */
export async function openGraphs(
  modelPackage: ModelPackage,
  options: ModelOptions,
): Promise<OpenGraphs> {
  const { provider: advice } = modelPackage.manifest;
  const plan = planProvider(options, advice, availableParallelism());
  try {
    return await openWith(modelPackage, plan);
  } catch (cause) {
    if (plan.name === "cpu") throw refusal(cause);
    if (options.provider !== "auto") throw unavailable(plan.name, cause);
    const onCpu = planProvider({ ...options, provider: "cpu" }, advice, availableParallelism());
    const reason = `auto: ${plan.name} cannot run here: ${messageOf(cause)}`;
    return await openWith(modelPackage, { ...onCpu, reason });
  }
}

async function openWith(modelPackage: ModelPackage, plan: ProviderPlan): Promise<OpenGraphs> {
  const { manifest } = modelPackage;
  const graphs = new Map<string, OrtGraph>();
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closing.splice(0)) await closeOne();
  };
  try {
    for (const [role, signature] of Object.entries(graphSignatures(manifest))) {
      const file = modelPackage.file(manifest.graphs[role as GraphRole] ?? "");
      const graph = await openGraph(file, signature, plan);
      closing.push(() => graph.close());
      graphs.set(role, graph);
    }
    const memory = await openMemory(manifest, plan, closing);
    return {
      provider: { name: plan.name, reason: plan.reason },
      graph: inMap(graphs),
      memory,
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function openGraph(
  file: string,
  signature: GraphSignature,
  plan: ProviderPlan,
): Promise<OrtGraph> {
  const { nodes } = describeGraph(await readFile(file));
  const onDevice = plan.keepsOnDevice && readsCache(signature) ? CACHED : [];
  return await OrtGraph.open(file, signature, { session: plan.optionsFor(nodes), onDevice });
}

const readsCache = ({ inputs }: GraphSignature): boolean => "cache_key" in inputs;

const inMap =
  (graphs: ReadonlyMap<string, OrtGraph>): GraphSet =>
  (role) => {
    const graph = graphs.get(role);
    if (graph === undefined) throw new TypeError(`the package has no graph \`${role}\``);
    return graph;
  };

async function openMemory(
  manifest: Manifest,
  plan: ProviderPlan,
  closing: (() => Promise<void>)[],
): Promise<(layout: CacheLayout) => CacheMemory> {
  if (!plan.keepsOnDevice) {
    const pool = new FloatPool();
    return (layout) => hostMemory(layout, pool);
  }
  const tokens = Object.values(graphSignatures(manifest)).flatMap(freshTokens);
  const sessions = await CommitSessions.open(cacheLayout(manifest), tokens, plan.options);
  closing.push(() => sessions.close());
  return () => new DeviceMemory(sessions);
}

/** Tokens that a graph over the cache brings. */
const freshTokens = (signature: GraphSignature): number[] => {
  const tokens = signature.outputs["key"]?.shape[2];
  return readsCache(signature) && typeof tokens === "number" ? [tokens] : [];
};

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

const unavailable = (name: string, cause: unknown): StreamError =>
  new StreamError(
    "provider_unavailable",
    `the provider ${name} cannot run this model here: ${messageOf(cause)}`,
    { detail: { provider: name }, cause },
  );

const refusal = (cause: unknown): StreamError =>
  new StreamError("inference_failed", `ONNX Runtime refuses a graph: ${messageOf(cause)}`, {
    cause,
  });
