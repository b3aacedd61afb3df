/**
 * What a package check must know of an ONNX graph, read from the file without a runtime: the shapes of its
 * inputs and outputs, and every tensor that keeps its data in another file.
 *
 * Source of the field numbers: onnx/onnx.proto3 of ONNX 1.16.
 */

import { type Field, fieldsOf, MalformedMessage, textOf } from "./protobuf.ts";

/** A graph's input or output; a size that the graph leaves open is its name, or empty. */
export interface GraphValue {
  readonly name: string;
  /** Empty for a type that packages do not use. */
  readonly type: "float32" | "uint8" | "";
  readonly shape: readonly (number | string)[];
}

/** A tensor whose data lies in another file. */
interface ExternalTensor {
  readonly tensor: string;
  /** As the graph says it, relative to the graph's folder. */
  readonly location: string;
}

/** One operation of a graph. */
export interface GraphNode {
  /** May be empty. */
  readonly name: string;
  readonly operator: string;
}

/** What an ONNX file says of itself. */
export interface GraphDescription {
  /** The graph's own nodes; not those of graphs inside it. */
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly externals: readonly ExternalTensor[];
}

/** Which fields of a message hold which messages. */
type Children = Readonly<Record<number, MessageKind>>;
type MessageKind =
  | "model"
  | "training"
  | "function"
  | "graph"
  | "node"
  | "attribute"
  | "sparse"
  | "tensor";

const CHILDREN: Readonly<Record<MessageKind, Children>> = {
  model: { 7: "graph", 20: "training", 25: "function" },
  training: { 1: "graph", 2: "graph" },
  function: { 7: "node", 11: "attribute" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse" },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: {},
};
const DEEPEST = 64;

const MODEL = { graph: 7 } as const;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const;
const NODE = { name: 3, operator: 4 } as const;
const TENSOR = { name: 8, externalData: 13, dataLocation: 14 } as const;
const EXTERNAL = 1;
const ELEMENT_TYPES: Readonly<Record<number, GraphValue["type"]>> = { 1: "float32", 2: "uint8" };

/**
 * Describe an ONNX file. Copies no tensor data.
 *
 * @throws {MalformedMessage} when the bytes are not an ONNX model.
 */
export function describeGraph(model: Uint8Array): GraphDescription {
  const graph = messageIn(model, MODEL.graph);
  if (graph === undefined) throw new MalformedMessage("there is no graph in it");
  const externals: ExternalTensor[] = [];
  collectExternals(model, "model", 0, externals);
  const weights = new Set<string>();
  const nodes: GraphNode[] = [];
  const inputs: GraphValue[] = [];
  const outputs: GraphValue[] = [];
  for (const { tag, value } of fieldsOf(graph)) {
    if (typeof value === "number") continue;
    if (tag === GRAPH.initializer) weights.add(nameOf(value, TENSOR.name));
    else if (tag === GRAPH.node) nodes.push(describeNode(value));
    else if (tag === GRAPH.input) inputs.push(describeValue(value));
    else if (tag === GRAPH.output) outputs.push(describeValue(value));
  }
  // Graphs of IR version 3 repeat their weights among the inputs.
  return { nodes, inputs: inputs.filter(({ name }) => !weights.has(name)), outputs, externals };
}

function collectExternals(
  message: Uint8Array,
  kind: MessageKind,
  depth: number,
  found: ExternalTensor[],
): void {
  if (depth > DEEPEST) throw new MalformedMessage("its graphs are nested too deeply");
  if (kind === "tensor") {
    const external = externalOf(message);
    if (external !== undefined) found.push(external);
    return;
  }
  const children = CHILDREN[kind];
  for (const { tag, value } of fieldsOf(message)) {
    const child = children[tag];
    if (child !== undefined && typeof value !== "number")
      collectExternals(value, child, depth + 1, found);
  }
}

function externalOf(tensor: Uint8Array): ExternalTensor | undefined {
  let name = "";
  let location: string | undefined;
  let isExternal = false;
  for (const { tag, value } of fieldsOf(tensor)) {
    if (tag === TENSOR.name) name = textOf(value);
    else if (tag === TENSOR.dataLocation) isExternal ||= value === EXTERNAL;
    else if (tag === TENSOR.externalData && typeof value !== "number") {
      isExternal = true;
      if (nameOf(value, 1) === "location") location = nameOf(value, 2);
    }
  }
  return isExternal ? { tensor: name, location: location ?? "" } : undefined;
}

const describeNode = (node: Uint8Array): GraphNode => ({
  name: nameOf(node, NODE.name),
  operator: nameOf(node, NODE.operator),
});

/** ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; its elem_type 1, shape 2; its dim 1. */
function describeValue(info: Uint8Array): GraphValue {
  const name = nameOf(info, 1);
  const tensor = messageIn(messageIn(info, 2), 1);
  if (tensor === undefined) return { name, type: "", shape: [] };
  let type: GraphValue["type"] = "";
  for (const { tag, value } of fieldsOf(tensor)) {
    if (tag === 1 && typeof value === "number") type = ELEMENT_TYPES[value] ?? "";
  }
  const shape = messageIn(tensor, 2);
  const dims = shape === undefined ? [] : [...fieldsOf(shape)].filter(({ tag }) => tag === 1);
  return { name, type, shape: dims.map(describeDim) };
}

/** TensorShapeProto.Dimension: dim_value 1, dim_param 2. */
function describeDim({ value: dim }: Field): number | string {
  if (typeof dim === "number") return "";
  for (const { tag, value } of fieldsOf(dim)) {
    if (tag === 1 && typeof value === "number") return value;
    if (tag === 2) return textOf(value);
  }
  return "";
}

/** The last message at `tag`, as the wire format has it for a field that is not repeated. */
function messageIn(message: Uint8Array | undefined, tag: number): Uint8Array | undefined {
  if (message === undefined) return undefined;
  let found: Uint8Array | undefined;
  for (const field of fieldsOf(message)) {
    if (field.tag === tag && typeof field.value !== "number") found = field.value;
  }
  return found;
}

const nameOf = (message: Uint8Array, tag: number): string => textOf(messageIn(message, tag) ?? 0);
