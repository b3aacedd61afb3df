import { posix } from "node:path";
import { StreamError } from "../core/errors.ts";
import type { Manifest } from "./manifest.ts";
import { describeGraph, type GraphDescription, type GraphValue } from "./onnx.ts";
import { MalformedMessage } from "./protobuf.ts";
import type { Dim, GraphSignature, TensorShape } from "./signatures.ts";

/** A graph as messages name it. */
export interface NamedGraph {
  /** Its file. */
  readonly name: string;
  /** Its key under `graphs`. */
  readonly role: string;
}

/**
 * Check an ONNX file against what the manifest implies for it.
 *
 * @throws {StreamError} `package_invalid` when it is no ONNX model, `package_external_data` when weights lie in
 *   a file that the manifest does not list, `package_shape` when an input or output is not as it must be.
 */
export function checkGraphFile(
  graph: NamedGraph,
  content: Uint8Array,
  signature: GraphSignature,
  manifest: Manifest,
): void {
  const description = describe(graph, content);
  checkExternals(graph, description, manifest);
  checkSide(graph, "input", description.inputs, signature.inputs);
  checkSide(graph, "output", description.outputs, signature.outputs);
}

function describe({ name, role }: NamedGraph, content: Uint8Array): GraphDescription {
  try {
    return describeGraph(content);
  } catch (cause) {
    if (!(cause instanceof MalformedMessage)) throw cause;
    throw new StreamError("package_invalid", `${name}: is not an ONNX model: ${cause.message}`, {
      detail: { file: name, path: `graphs.${role}` },
      cause,
    });
  }
}

function checkExternals({ name }: NamedGraph, graph: GraphDescription, manifest: Manifest): void {
  for (const { tensor, location } of graph.externals) {
    const inPackage = posix.normalize(posix.join(posix.dirname(name), location));
    const escapes = /[\\:\0]/.test(location) || location.startsWith("/") || location === "";
    if (!escapes && Object.hasOwn(manifest.files, inPackage)) continue;
    throw new StreamError(
      "package_external_data",
      `${name}: keeps the tensor \`${tensor}\` in \`${location}\`, which \`files\` of manifest.json does not ` +
        "list; export the graph with its weights inside, or put that file into the package and list it",
      { detail: { file: name, tensor, location } },
    );
  }
}

function checkSide(
  graph: NamedGraph,
  side: "input" | "output",
  found: readonly GraphValue[],
  wanted: Readonly<Record<string, TensorShape>>,
): void {
  const byName = new Map(found.map((value) => [value.name, value]));
  for (const [name, tensor] of Object.entries(wanted)) {
    const value = byName.get(name);
    if (value === undefined)
      throw misshapen(graph, `has no ${side} \`${name}\`${asWanted(tensor)}`);
    if (value.type !== tensor.type || !sameShape(value.shape, tensor.shape)) {
      const has = `${value.type === "" ? "another type" : value.type} [${value.shape.join(", ")}]`;
      throw misshapen(graph, `${side} \`${name}\` is ${has}${asWanted(tensor)}`);
    }
  }
  const extra = found.find(({ name }) => !Object.hasOwn(wanted, name));
  if (extra !== undefined) {
    const names = Object.keys(wanted).join(", ");
    throw misshapen(
      graph,
      `has an ${side} \`${extra.name}\` that no one fills; it may have ${names}`,
    );
  }
}

const asWanted = ({ type, shape }: TensorShape): string =>
  `; the manifest implies ${type} [${shape.join(", ")}]`;

const sameShape = (found: readonly (number | string)[], wanted: readonly Dim[]): boolean =>
  found.length === wanted.length && wanted.every((size, i) => found[i] === size);

const misshapen = ({ name, role }: NamedGraph, message: string): StreamError =>
  new StreamError("package_shape", `${name} (graphs.${role}): ${message}`, {
    detail: { file: name, path: `graphs.${role}` },
  });
