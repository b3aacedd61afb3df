import type { CacheLayout } from "../../cache/layout.ts";
import { type FieldToWrite, message } from "../protobuf-writer.ts";

const FLOAT = 1;
const INT32 = 6;
const INT_ATTRIBUTE = 2;
const IR_VERSION = 8;
const OPSET = 17;
/** Keys and values are [layers, heads, tokens, headDim]. */
const TOKEN_AXIS = 2;

/**
 * An ONNX model that writes fresh keys and values into a cache where both lie, so that a device never hands
 * them out: slot s of the result is token `index[s]` of the cached and the fresh tokens side by side.
 *
 * Inputs `cache_key`, `cache_value` [L, H, slots, D], `key`, `value` [L, H, tokens, D], `index` [slots] int32;
 * outputs `next_key`, `next_value` [L, H, slots, D].
 */
export function commitGraph(layout: CacheLayout, tokens: number): Uint8Array {
  const { layers, heads, headDim } = layout;
  const slots = layout.slots.least;
  const cached = [layers, heads, slots, headDim];
  const fresh = [layers, heads, tokens, headDim];
  const graph = message(
    ...["key", "value"].flatMap(placeTokens),
    [2, "commit"],
    [11, tensor("cache_key", FLOAT, cached)],
    [11, tensor("cache_value", FLOAT, cached)],
    [11, tensor("key", FLOAT, fresh)],
    [11, tensor("value", FLOAT, fresh)],
    [11, tensor("index", INT32, [slots])],
    [12, tensor("next_key", FLOAT, cached)],
    [12, tensor("next_value", FLOAT, cached)],
  );
  return message([1, IR_VERSION], [7, graph], [8, message([1, ""], [2, OPSET])]);
}

function placeTokens(name: string): FieldToWrite[] {
  const both = `both_${name}`;
  return [
    [1, node("Concat", [`cache_${name}`, name], both)],
    [1, node("Gather", [both, "index"], `next_${name}`)],
  ];
}

const node = (operator: string, inputs: readonly string[], output: string): Uint8Array =>
  message(
    ...inputs.map((input): FieldToWrite => [1, input]),
    [2, output],
    [4, operator],
    [5, message([1, "axis"], [3, TOKEN_AXIS], [20, INT_ATTRIBUTE])],
  );

function tensor(name: string, type: number, shape: readonly number[]): Uint8Array {
  const dims = shape.map((size): FieldToWrite => [1, message([1, size])]);
  return message([1, name], [2, message([1, message([1, type], [2, message(...dims)])])]);
}
