import type { Clock } from "../core/clock.ts";
import type { Model, ModelOptions } from "./contract.ts";
import type { ModelPackage } from "./package.ts";

export type { CacheChoice, CacheReport } from "../cache/policy.ts";
export type {
  Beginning,
  BlockInput,
  BlockTimings,
  GeneratedBlock,
  Generation,
  Model,
  ModelOptions,
  PastBlock,
  Provider,
  ProviderName,
  RecentHistory,
} from "./contract.ts";

export declare function openModel(
  modelPackage: ModelPackage,
  options: ModelOptions,
  clock: Clock,
): Promise<Model>;
