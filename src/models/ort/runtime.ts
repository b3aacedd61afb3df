import { toStreamError } from "../../core/errors.ts";

/** What the installed ONNX Runtime offers on this machine. */
export interface RuntimeReport {
  readonly version: string;
  /** Names of the execution providers that came with it; whether one works shows when a model is opened. */
  readonly providers: readonly string[];
}

/**
 * Load ONNX Runtime and ask what it is.
 *
 * @throws {StreamError} `provider_unavailable` when its native part cannot be loaded here.
 */
export async function inspectRuntime(): Promise<RuntimeReport> {
  try {
    const { env, listSupportedBackends } = await import("onnxruntime-node");
    return {
      version: env.versions.node ?? env.versions.common,
      providers: listSupportedBackends().map(({ name }) => name),
    };
  } catch (cause) {
    throw toStreamError(cause, "provider_unavailable", "refuse");
  }
}
