import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeGraph } from "../../../src/models/onnx.ts";
import { fieldsOf, MalformedMessage } from "../../../src/models/protobuf.ts";
import { type FieldToWrite, message } from "../../../src/models/protobuf-writer.ts";

/** A tensor with its data elsewhere (onnx.proto3: TensorProto). */
const external = (name: string): Uint8Array =>
  message([8, name], [13, message([1, "location"], [2, `${name}.bin`])], [14, 1]);

const model = (...graph: readonly FieldToWrite[]): Uint8Array => message([7, message(...graph)]);

describe("the wire format", () => {
  it("reads back every field that is written", () => {
    const tag = fc.integer({ min: 1, max: 2 ** 28 });
    const value = fc.oneof(fc.maxSafeNat(), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(tag, value)), (fields) => {
        const read = [...fieldsOf(message(...fields))];
        expect(read).toEqual(fields.map(([number, content]) => ({ tag: number, value: content })));
      }),
    );
  });

  it("ends every walk over bytes from nowhere, in an error that says so", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          describeGraph(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("describeGraph", () => {
  it("finds tensors with outside data wherever a graph can hide them", () => {
    const attribute = (field: FieldToWrite): Uint8Array =>
      message([1, message([5, message(field)])]);
    const inner = message([5, external("inner")]);
    const hidden: readonly [string, Uint8Array][] = [
      ["an initializer", model([5, external("inner")])],
      ["a sparse initializer's values", model([15, message([1, external("inner")])])],
      ["a sparse initializer's indices", model([15, message([2, external("inner")])])],
      ["a node's tensor", message([7, attribute([5, external("inner")])])],
      ["a node's list of tensors", message([7, attribute([10, external("inner")])])],
      ["a branch", message([7, attribute([6, inner])])],
      ["one of several branches", message([7, attribute([11, inner])])],
      ["a node's sparse tensor", message([7, attribute([22, message([1, external("inner")])])])],
      [
        "a function",
        message([7, message()], [25, message([7, message([5, message([5, external("inner")])])])]),
      ],
      ["training information", message([7, message()], [20, message([2, inner])])],
    ];
    for (const [place, bytes] of hidden) {
      expect(describeGraph(bytes).externals, place).toEqual([
        { tensor: "inner", location: "inner.bin" },
      ]);
    }
  });

  it("takes the mere flag of outside data for outside data", () => {
    const flagged = model([5, message([8, "w"], [14, 1])]);
    expect(describeGraph(flagged).externals).toEqual([{ tensor: "w", location: "" }]);
  });

  it("does not count weights among the inputs", () => {
    const input = (name: string): Uint8Array =>
      message([1, name], [2, message([1, message([1, 1], [2, message([1, message([1, 3])])])])]);
    const bytes = model([5, message([8, "w"])], [11, input("w")], [11, input("x")]);
    expect(describeGraph(bytes).inputs).toEqual([{ name: "x", type: "float32", shape: [3] }]);
  });

  it("refuses graphs nested without end", () => {
    let graph = message();
    for (let depth = 0; depth < 100; depth++) {
      graph = message([1, message([5, message([6, graph])])]);
    }
    expect(() => describeGraph(message([7, graph]))).toThrow(MalformedMessage);
  });

  it("refuses a model without a graph", () => {
    expect(() => describeGraph(message([1, 8]))).toThrow(/no graph/);
  });
});
