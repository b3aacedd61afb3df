/** The settings form as data: what a JSON Schema of live parameters becomes on the page. */

import type { ModelSummary, ParameterSchema, ParametersSchema } from "../web/index.ts";

interface FieldBase {
  readonly name: string;
  readonly title: string;
  readonly hint: string;
  readonly unit: string;
}

/** One setting: a few choices side by side, a slider, or a number with dice. */
export type Field = FieldBase &
  (
    | { readonly kind: "choices"; readonly options: readonly number[] }
    | { readonly kind: "slider"; readonly low: number; readonly high: number }
    | { readonly kind: "number"; readonly low: number; readonly high: number }
  );

/** Ranges wider than this are typed, not slid. */
const LONGEST_SLIDER = 512;

/** The form for `schema`, inside what `model` was built for. */
export const fieldsOf = ({ properties }: ParametersSchema, model: ModelSummary): Field[] =>
  Object.entries(properties).map(([name, schema]) => fieldOf(name, schema, model));

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
  return { ...base, kind: high - low <= LONGEST_SLIDER ? "slider" : "number", low, high };
}

function builtFor(name: string, { cache }: ModelSummary): number {
  if (name === "window_frames") return cache.window_frames;
  if (name === "sink_frames") return cache.sink_frames;
  return Number.POSITIVE_INFINITY;
}
