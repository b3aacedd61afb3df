import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHalf, toHalf } from "../../../src/cache/float16.ts";
import { bytesPerSlot, codecOf, STORAGES, type StorageName } from "../../../src/cache/storage.ts";
import { FloatPool, HostStore } from "../../../src/cache/store.ts";
import { LAYOUT, TinyCache, windowed } from "../../support/tiny-cache.ts";

describe("half-precision floats", () => {
  it("round to the nearest, ties to even, and stop at the largest", () => {
    expect([0, -0, 1, -2, 65504, 1e9, -1e9].map((x) => fromHalf(toHalf(x)))).toEqual([
      0, -0, 1, -2, 65504, 65504, -65504,
    ]);
    expect(fromHalf(toHalf(1 + 2 ** -11))).toBe(1);
    expect(fromHalf(toHalf(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
    expect(fromHalf(toHalf(2 ** -24))).toBe(2 ** -24);
  });

  it("come back as they are, every finite one", () => {
    for (let word = 0; word < 0x7c00; word++) expect(toHalf(fromHalf(word))).toBe(word);
  });

  it("differ by half a step at most", () => {
    fc.assert(
      fc.property(fc.float({ min: -60_000, max: 60_000, noNaN: true }), (x) => {
        const error = Math.abs(fromHalf(toHalf(x)) - x);
        expect(error).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(x) * 2 ** -11));
      }),
    );
  });
});

const DIMS = 64;
/** Largest error of a storage, as a share of the vector's largest float. */
const TOLERANCES = { float16: 2 ** -11, int8: 1 / 250, int4: 1 / 12 } as const;
type Coded = keyof typeof TOLERANCES;

const vectors = fc.float32Array({
  minLength: DIMS,
  maxLength: DIMS,
  min: -100,
  max: 100,
  noNaN: true,
  noDefaultInfinity: true,
});

describe.each(Object.keys(TOLERANCES) as Coded[])("%s", (name) => {
  const codec = codecOf(name);
  if (codec === undefined) throw new Error("it needs a codec");
  const through = (vector: Float32Array): Float32Array => {
    const code = new Uint8Array(codec.bytes(vector.length));
    codec.encode(vector, code);
    const decoded = new Float32Array(vector.length);
    codec.decode(code, decoded);
    return decoded;
  };

  it("keeps every float near to what it was", () => {
    fc.assert(
      fc.property(vectors, (vector) => {
        const largest = Math.max(...vector.map(Math.abs));
        for (const [dim, value] of through(vector).entries()) {
          const error = Math.abs(value - (vector[dim] ?? 0));
          expect(error).toBeLessThanOrEqual(largest * TOLERANCES[name] + 1e-4);
        }
      }),
    );
  });

  it("keeps zeros", () => {
    expect([...through(new Float32Array(DIMS))]).toEqual(Array.from({ length: DIMS }, () => 0));
  });
});

describe("int4", () => {
  it("does not let one outlier cost the others their digits", () => {
    const vector = Float32Array.from({ length: DIMS }, (_, i) => (i === 9 ? 1000 : Math.sin(i)));
    const codec = codecOf("int4");
    const code = new Uint8Array(codec?.bytes(DIMS) ?? 0);
    codec?.encode(vector, code);
    const decoded = new Float32Array(DIMS);
    codec?.decode(code, decoded);
    expect(decoded[9]).toBe(1000);
    for (const [i, value] of decoded.entries()) {
      if (i !== 9) expect(Math.abs(value - Math.sin(i))).toBeLessThan(0.09);
    }
  });
});

describe("sizes", () => {
  it("are those of the bytes that are kept", () => {
    const layout = { ...LAYOUT, heads: 4, headDim: 64 };
    const sizes = STORAGES.map((name) => bytesPerSlot(layout, name));
    expect(sizes).toEqual([2 * 4 * 256, 2 * 4 * 128, 2 * 4 * 66, 2 * 4 * 36]);
  });
});

describe.each<StorageName>(["float16", "int8", "int4"])("a cache in %s", (storage) => {
  it("reports its bytes and reads what it kept, whoever used the shared floats meanwhile", () => {
    const pool = new FloatPool();
    const [one, two] = [1, 2].map(() => new HostStore(LAYOUT, 18, pool));
    if (one === undefined || two === undefined) throw new Error("two stores are wanted");
    for (const [i, store] of [one, two].entries()) {
      store.keepAs(codecOf(storage));
      store.key.fill(i + 1);
      for (const layer of [0, 1]) for (let slot = 0; slot < 18; slot++) store.wrote(layer, slot);
    }
    expect(one.bytesPerSlot).toBe(bytesPerSlot(LAYOUT, storage));
    expect(one.key[0]).toBeCloseTo(1, 2);
    expect(two.key[0]).toBeCloseTo(2, 2);
    expect(one.key).toBe(two.key);
  });

  it("keeps what it holds when the storage changes, and when it grows", async () => {
    const tiny = new TinyCache(windowed(0, 4));
    for (let frame = 0; frame < 3; frame++) await tiny.commit(1);
    const before = tiny.store.key.slice();
    await tiny.cache.configure(windowed(0, 4), storage);
    const near = [...tiny.store.key].every((x, i) => Math.abs(x - (before[i] ?? 0)) < 0.3);
    expect(near).toBe(true);
    const coded = tiny.store.key.slice();
    tiny.store.resize(24);
    expect(tiny.store.key.subarray(0, 18 * 4)).toEqual(coded.subarray(0, 18 * 4));
  });
});
