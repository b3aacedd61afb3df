import type { Clock } from "../core/clock.ts";
import { modelCache } from "./arena.ts";
import type { Beginning, Model, ModelCache, ModelOptions } from "./contract.ts";
import { PackageGeneration } from "./generation.ts";
import { openGraphs } from "./ort/open.ts";
import type { ModelPackage } from "./package.ts";
import { pictureCheck } from "./picture-check.ts";
import { modelSizes } from "./signatures.ts";
import { Starts } from "./starts.ts";

export type { CacheChoice } from "../cache/choice.ts";
export type {
  Beginning,
  BlockInput,
  GeneratedBlock,
  Generation,
  Model,
  ModelCache,
  ModelOptions,
  PastBlock,
  PastSpeech,
  RecentHistory,
} from "./contract.ts";
export type { BlockSpeech } from "./speech.ts";

/**
 * Open a package's graphs and make one block that nobody sees, so that the first session waits for nothing
 * and a graph that cannot run is found here.
 *
 * @throws {StreamError} `provider_unavailable`, `inference_failed`.
 */
export async function openModel(
  modelPackage: ModelPackage,
  options: ModelOptions,
  clock: Clock,
): Promise<Model> {
  const graphs = await openGraphs(modelPackage, options);
  const starts = new Starts(modelPackage, graphs.graph);
  const open = (beginning: Beginning): Promise<PackageGeneration> =>
    PackageGeneration.open(
      { modelPackage, graphs: graphs.graph, memory: graphs.memory, starts, clock },
      beginning,
    );
  const cache = modelCache(modelPackage.manifest, graphs.isHost);
  try {
    await warmUp(modelPackage, cache, open);
  } catch (cause) {
    await graphs.close();
    throw cause;
  }
  const checkPicture = pictureCheck(modelPackage.manifest, graphs.graph);
  return {
    modelPackage,
    provider: graphs.provider,
    cache,
    open,
    checkPicture,
    close: graphs.close,
  };
}

async function warmUp(
  { manifest }: ModelPackage,
  { initial }: ModelCache,
  open: (beginning: Beginning) => Promise<PackageGeneration>,
): Promise<void> {
  const generation = await open({ seed: 0, cache: initial });
  const control = new Float32Array(modelSizes(manifest).controls);
  await generation.next({ control, steps: manifest.schedule.defaultSteps });
  await generation.close();
}
