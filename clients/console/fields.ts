/** The settings form as data: what a JSON Schema of live parameters becomes on the page. */

import type { ModelSummary, ParameterSchema, ParametersSchema } from "../web/index.ts";
import type { Label } from "./widgets.ts";

/** One setting: a few choices side by side, a slider, or a number with dice. */
export type Field = Label &
  (
    | { readonly kind: "choices"; readonly options: readonly (number | string)[] }
    | {
        readonly kind: "slider";
        readonly low: number;
        readonly high: number;
        readonly step: number;
      }
    | { readonly kind: "number"; readonly low: number; readonly high: number }
  );

/** Ranges of more steps than this are typed, not slid; ranges of so few values are shown side by side. */
const LONGEST_SLIDER = 4096;
const MOST_CHOICES = 4;

/** Settings of the cache, which has a form of its own. */
const OF_THE_CACHE: ReadonlySet<string> = new Set(["window_frames", "sink_frames"]);

/** The form for `schema`, inside what `model` was built for; what cannot be changed is left out. */
export const fieldsOf = ({ properties }: ParametersSchema, model: ModelSummary): Field[] =>
  Object.entries(properties)
    .filter(([name]) => !OF_THE_CACHE.has(name))
    .map(([name, schema]) =>
      fieldOf(name, name === "steps" ? { enum: model.steps.choices, ...schema } : schema),
    )
    .filter((field) =>
      field.kind === "choices" ? field.options.length > 1 : field.high > field.low,
    );

/** The setting `name` as its schema describes it. */
export function fieldOf(name: string, schema: ParameterSchema): Field {
  const base = {
    name,
    title: schema.title ?? name,
    hint: [schema.description, schema.applies && `Applies: ${schema.applies}.`]
      .filter(Boolean)
      .join(" "),
    unit: schema.unit ?? "",
  };
  if (schema.enum !== undefined) return { ...base, kind: "choices", options: schema.enum };
  const { minimum: low = 0, maximum: high = Number.MAX_SAFE_INTEGER, step = 1 } = schema;
  if (step === 1 && high - low < MOST_CHOICES) {
    return { ...base, kind: "choices", options: range(low, high) };
  }
  return (high - low) / step <= LONGEST_SLIDER
    ? { ...base, kind: "slider", low, high, step }
    : { ...base, kind: "number", low, high };
}

/** The whole numbers from `low` to `high`. */
const range = (low: number, high: number): number[] =>
  Array.from({ length: Math.max(0, high - low + 1) }, (_, i) => low + i);
