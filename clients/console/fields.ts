/** The settings form as data: what a JSON Schema of live parameters becomes on the page. */

import type { ModelSummary, ParameterSchema, ParametersSchema } from "../web/index.ts";
import type { Label } from "./widgets.ts";

/** One setting: a few choices side by side, a slider, or a number with dice. */
export type Field = Label &
  (
    | { readonly kind: "choices"; readonly options: readonly (number | string)[] }
    | { readonly kind: "slider"; readonly low: number; readonly high: number }
    | { readonly kind: "number"; readonly low: number; readonly high: number }
  );

/** Ranges wider than this are typed, not slid; ranges of so few values are shown side by side. */
const LONGEST_SLIDER = 512;
const MOST_CHOICES = 4;

/** The form for `schema`, inside what `model` was built for; what cannot be changed is left out. */
export const fieldsOf = ({ properties }: ParametersSchema, model: ModelSummary): Field[] =>
  Object.entries(properties)
    .map(([name, schema]) => fieldOf(name, schema, model))
    .filter((field) =>
      field.kind === "choices" ? field.options.length > 1 : field.high > field.low,
    );

function fieldOf(name: string, schema: ParameterSchema, model: ModelSummary): Field {
  const base = {
    name,
    title: schema.title ?? name,
    hint: [schema.description, schema.applies && `Applies: ${schema.applies}.`]
      .filter(Boolean)
      .join(" "),
    unit: schema.unit ?? "",
  };
  const options = schema.enum ?? (name === "steps" ? model.steps.choices : undefined);
  if (options !== undefined) return { ...base, kind: "choices", options };
  const low = schema.minimum ?? 0;
  const high = Math.min(schema.maximum ?? Number.MAX_SAFE_INTEGER, builtFor(name, model));
  if (high - low < MOST_CHOICES) return { ...base, kind: "choices", options: range(low, high) };
  return { ...base, kind: high - low <= LONGEST_SLIDER ? "slider" : "number", low, high };
}

function builtFor(name: string, { cache }: ModelSummary): number {
  if (name === "window_frames") return cache.window_frames;
  if (name === "sink_frames") return cache.sink_frames;
  return Number.POSITIVE_INFINITY;
}

/** The whole numbers from `low` to `high`. */
const range = (low: number, high: number): number[] =>
  Array.from({ length: Math.max(0, high - low + 1) }, (_, i) => low + i);
