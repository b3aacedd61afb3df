import { type FieldToWrite, message } from "../src/models/protobuf-writer.ts";

const FLOAT = 1;
const IR_VERSION = 8;
const OPSET = 17;

/** An ONNX model that multiplies `a` by `b`, float32 [side, side] each, into `product`. */
export function gemmModel(side: number): Uint8Array {
  const tensor = (name: string) => message([1, name], [2, message([1, floats(side)])]);
  const graph = message(
    [1, message([1, "a"], [1, "b"], [2, "product"], [4, "MatMul"])],
    [2, "gemm"],
    [11, tensor("a")],
    [11, tensor("b")],
    [12, tensor("product")],
  );
  return message([1, IR_VERSION], [7, graph], [8, message([1, ""], [2, OPSET])]);
}

/** The type of a square float32 tensor. */
function floats(side: number): Uint8Array {
  const dims = [side, side].map((size): FieldToWrite => [1, message([1, size])]);
  return message([1, FLOAT], [2, message(...dims)]);
}
