import { availableParallelism } from "node:os";
import { StreamError } from "../../core/errors.ts";
import type { ModelOptions, Provider } from "../contract.ts";
import type { GraphRole } from "../manifest.ts";
import type { ModelPackage } from "../package.ts";
import { graphSignatures } from "../signatures.ts";
import type { GraphSet } from "../world-model.ts";
import { OrtGraph } from "./graph.ts";
import { type ProviderPlan, planProvider } from "./provider.ts";

/** All graphs of a package, open. Lifetime: until `close`. */
export interface OpenGraphs {
  readonly provider: Provider;
  readonly graph: GraphSet;
  readonly close: () => Promise<void>;
}

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
  const { manifest } = modelPackage;
  const plan = planProvider(options, manifest.provider, availableParallelism());
  try {
    return await openWith(modelPackage, plan);
  } catch (cause) {
    if (plan.name === "cpu") throw refusal(cause);
    if (options.provider !== "auto") throw unavailable(plan.name, cause);
    const onCpu = planProvider(
      { ...options, provider: "cpu" },
      manifest.provider,
      availableParallelism(),
    );
    const reason = `auto: ${plan.name} cannot run here: ${messageOf(cause)}`;
    return await openWith(modelPackage, { ...onCpu, reason });
  }
}

async function openWith(modelPackage: ModelPackage, plan: ProviderPlan): Promise<OpenGraphs> {
  const graphs = new Map<string, OrtGraph>();
  const close = async (): Promise<void> => {
    for (const graph of graphs.values()) await graph.close();
    graphs.clear();
  };
  try {
    for (const [role, signature] of Object.entries(graphSignatures(modelPackage.manifest))) {
      const name = modelPackage.manifest.graphs[role as GraphRole] ?? "";
      graphs.set(role, await OrtGraph.open(modelPackage.file(name), signature, plan.options));
    }
  } catch (cause) {
    await close();
    throw cause;
  }
  return {
    provider: { name: plan.name, reason: plan.reason },
    graph: (role) => {
      const graph = graphs.get(role);
      if (graph === undefined) throw new TypeError(`the package has no graph \`${role}\``);
      return graph;
    },
    close,
  };
}

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
