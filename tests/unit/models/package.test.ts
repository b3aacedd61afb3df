import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../../src/core/errors.ts";
import { loadPackage } from "../../../src/models/package.ts";
import { message } from "../../../src/models/protobuf-writer.ts";
import { TINY_PACKAGES, tinyPath } from "../../support/oracle.ts";
import { PackageCopy } from "../../support/package-copy.ts";

describe("loadPackage", () => {
  it.each(TINY_PACKAGES)("takes %s as training exported it", async (name) => {
    const loaded = await loadPackage(tinyPath(name));
    expect(loaded.manifest.id).toBe(name);
    expect(loaded.file("decoder.onnx")).toBe(join(loaded.path, "decoder.onnx"));
  });

  it("knows no file that the manifest does not list", async () => {
    const loaded = await loadPackage(tinyPath("tiny-fused"));
    expect(() => loaded.file("oracle.json")).toThrow(/oracle\.json/);
  });

  it("tells packages apart that differ in one digest", async () => {
    await using copy = await PackageCopy.of("tiny-fused");
    await copy.put("MODEL_CARD.md", "# another card\n");
    await copy.save();
    const [one, other] = await Promise.all([tinyPath("tiny-fused"), copy.path].map(loadPackage));
    expect(one?.digest).not.toBe(other?.digest);
  });
});

describe("a spoilt package", () => {
  let copy: PackageCopy;
  beforeEach(async () => {
    copy = await PackageCopy.of("tiny-separable");
  });
  afterEach(() => copy[Symbol.asyncDispose]());

  /** The copy is refused with `code`, and the message says everything in `says`. */
  const refused = async (code: ErrorCode, ...says: string[]): Promise<void> => {
    const error: unknown = await loadPackage(copy.path).then(
      () => "it was taken",
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code });
    for (const words of says) expect((error as Error).message).toContain(words);
  };

  describe("manifest", () => {
    it("missing", async () => {
      await rm(join(copy.path, "manifest.json"));
      await refused("package_missing_file", "manifest.json");
    });

    it("in a folder that is not there", async () => {
      await copy[Symbol.asyncDispose]();
      await refused("package_missing_file", "no such package folder");
    });

    it("that is a folder", async () => {
      await rm(join(copy.path, "manifest.json"));
      await mkdir(join(copy.path, "manifest.json"));
      await refused("package_missing_file", "manifest.json");
    });

    it.each(["", "{", "[]", "null", "7", '"manifest"'])("that says only %j", async (text) => {
      await copy.save(text);
      await refused("package_invalid", "manifest.json");
    });

    it("of more than a megabyte", async () => {
      await copy.save(`"${"x".repeat(2 ** 20)}"`);
      await refused("package_invalid", "manifest.json", "larger");
    });

    it("of another format version", async () => {
      Object.assign(copy.manifest, { format: "zoetrope.package/2" });
      await copy.save();
      await refused("package_invalid", "`format`");
    });

    it.each([
      ["colour", (m: object) => Object.assign(m, { colour: 1 })],
      ["lanes.video.fps", () => Object.assign(copy.manifest.lanes.video, { fps: 30 })],
      ["lanes.audio", () => Object.assign(copy.manifest.lanes, { audio: {} })],
      [
        "fullPrecision.drafter",
        () => Object.assign(copy.manifest, { fullPrecision: { drafter: "a.onnx" } }),
      ],
      ["graphs.drafter", () => Object.assign(copy.manifest.graphs, { drafter: "a.onnx" })],
      ["controls[1].step", () => Object.assign(copy.manifest.controls[1] ?? {}, { step: 1 })],
      ["starts[0].seed", () => Object.assign(copy.manifest.starts[0] ?? {}, { seed: 1 })],
    ])("with the unknown key %s", async (path, spoil) => {
      spoil(copy.manifest);
      await copy.save();
      await refused("package_invalid", `\`${path}\``, "unknown key");
    });

    it("without a key it must have", async () => {
      Reflect.deleteProperty(copy.manifest.cache, "layers");
      await copy.save();
      await refused("package_invalid", "`cache.layers`");
    });

    it.each([
      ["../../etc/passwd"],
      ["/etc/passwd"],
      ["a/../../b.md"],
      ["..\\b.md"],
      ["C:card.md"],
      ["./card.md"],
      ["a//b.md"],
      ["a\0b.md"],
      [""],
    ])("with the path %j", async (path) => {
      copy.manifest.card = path;
      await copy.save();
      await refused("package_invalid", "`card`");
    });
  });

  describe("rules between keys", () => {
    const rules: readonly [path: string, spoil: (copy: PackageCopy) => void][] = [
      ["card", ({ manifest }) => Object.assign(manifest, { card: "card.md" })],
      [
        "starts[0].image",
        ({ manifest }) => Reflect.deleteProperty(manifest.files, "starts/waves.png"),
      ],
      ["graphs.encoder", ({ manifest }) => Reflect.deleteProperty(manifest.graphs, "encoder")],
      ["graphs.encoder", ({ manifest }) => Object.assign(manifest, { topology: "entangled" })],
      [
        "conditioning.features",
        ({ manifest }) => Object.assign(manifest.conditioning, { features: null }),
      ],
      [
        "commit.strategy",
        ({ manifest }) => Object.assign(manifest.commit, { strategy: "separate" }),
      ],
      [
        "lanes.video.framesPerBlock",
        ({ manifest }) => Object.assign(manifest.lanes.video, { framesPerBlock: 2 }),
      ],
      [
        "graphs.denoiserFused",
        ({ manifest }) => Object.assign(manifest.graphs, { denoiserFused: "encoder.onnx" }),
      ],
      [
        "fullPrecision.decoder",
        ({ manifest }) => Object.assign(manifest, { fullPrecision: { decoder: "other.onnx" } }),
      ],
      [
        "fullPrecision.decoder",
        ({ manifest }) => Object.assign(manifest, { fullPrecision: { decoder: "decoder.onnx" } }),
      ],
      [
        "fullPrecision.denoiserFused",
        ({ manifest }) =>
          Object.assign(manifest, { fullPrecision: { denoiserFused: "denoiser.onnx" } }),
      ],
      [
        "schedule.defaultSteps",
        ({ manifest }) => Object.assign(manifest.schedule, { defaultSteps: 3 }),
      ],
      [
        "schedule.sigmas.2",
        ({ manifest }) => Object.assign(manifest.schedule.sigmas, { 2: [0.5, 1] }),
      ],
      [
        "schedule.sigmas.1",
        ({ manifest }) => Object.assign(manifest.schedule.sigmas, { 1: [1, 0.5] }),
      ],
      [
        "cache.position.rotaryDim",
        ({ manifest }) => Object.assign(manifest.cache.position, { rotaryDim: 10 }),
      ],
      ["cache.queries", ({ manifest }) => Object.assign(manifest.cache, { queries: true })],
      [
        "controls[1].name",
        ({ manifest }) => Object.assign(manifest.controls[1] ?? {}, { name: "left" }),
      ],
      [
        "controls[1].default",
        ({ manifest }) => Object.assign(manifest.controls[1] ?? {}, { default: 2 }),
      ],
      [
        "controls[1].range",
        ({ manifest }) => Object.assign(manifest.controls[1] ?? {}, { range: [1, -1] }),
      ],
      [
        "controls[2].default",
        ({ manifest }) => Object.assign(manifest.controls[2] ?? {}, { default: "sad" }),
      ],
      ["starts[1].id", ({ manifest }) => manifest.starts.push(...manifest.starts)],
      [
        "files.encoder.onnx.bytes",
        ({ manifest }) => Object.assign(manifest.files["encoder.onnx"] ?? {}, { bytes: 2 ** 31 }),
      ],
    ];
    it.each(rules)("%s", async (path, spoil) => {
      spoil(copy);
      await copy.save();
      await refused("package_invalid", `\`${path}\``);
    });
  });

  describe("rules of a package that hears", () => {
    beforeEach(async () => {
      await copy[Symbol.asyncDispose]();
      copy = await PackageCopy.of("tiny-speech");
    });
    const rules: readonly [path: string, spoil: (copy: PackageCopy) => void][] = [
      [
        "graphs.speechEncoder",
        ({ manifest }) => Reflect.deleteProperty(manifest.graphs, "speechEncoder"),
      ],
      ["graphs.speechEncoder", ({ manifest }) => Reflect.deleteProperty(manifest.lanes, "speech")],
      [
        "lanes.speech.samplesPerFrame",
        ({ manifest }) => Object.assign(manifest.lanes.speech ?? {}, { samplesPerFrame: 641 }),
      ],
      [
        "lanes.speech.sampleRate",
        ({ manifest }) => Object.assign(manifest.lanes.speech ?? {}, { sampleRate: 8_000 }),
      ],
      [
        "lanes.video.framesPerBlock",
        ({ manifest }) => {
          Object.assign(manifest.lanes.video, { frameRate: 32, framesPerBlock: 1 });
          Object.assign(manifest.lanes.speech ?? {}, { samplesPerFrame: 500 });
        },
      ],
    ];
    it.each(rules)("%s", async (path, spoil) => {
      spoil(copy);
      await copy.save();
      await refused("package_invalid", `\`${path}\``);
    });

    it.each([
      [
        "speech",
        ({ manifest }: PackageCopy) => Object.assign(manifest.lanes.speech ?? {}, { features: 6 }),
      ],
      [
        "reference",
        ({ manifest }: PackageCopy) => Object.assign(manifest.conditioning, { reference: false }),
      ],
      [
        "pcm",
        ({ manifest }: PackageCopy) =>
          Object.assign(manifest.lanes.speech ?? {}, { windowFrames: 4 }),
      ],
    ])("a graph whose `%s` is not what the manifest implies", async (tensor, spoil) => {
      spoil(copy);
      await copy.save();
      await refused("package_shape", `\`${tensor}\``);
    });
  });

  describe("files", () => {
    it("missing", async () => {
      await rm(join(copy.path, "denoiser.onnx"));
      await refused("package_missing_file", "denoiser.onnx");
    });

    it("that is a folder", async () => {
      await rm(join(copy.path, "denoiser.onnx"));
      await mkdir(join(copy.path, "denoiser.onnx"));
      await refused("package_missing_file", "denoiser.onnx", "plain file");
    });

    it("cut short", async () => {
      const content = await readFile(join(copy.path, "denoiser.onnx"));
      await writeFile(join(copy.path, "denoiser.onnx"), content.subarray(1));
      await refused("package_digest", "denoiser.onnx", `${content.length - 1} bytes`);
    });

    it("with one bit changed", async () => {
      const content = await readFile(join(copy.path, "starts/waves.png"));
      content[100] = (content[100] ?? 0) ^ 1;
      await writeFile(join(copy.path, "starts/waves.png"), content);
      await refused("package_digest", "starts/waves.png", "SHA-256");
    });

    it("that lead out of the folder by a link", async () => {
      await using other = await PackageCopy.of("tiny-separable");
      await rm(join(copy.path, "MODEL_CARD.md"));
      await symlink(join(other.path, "MODEL_CARD.md"), join(copy.path, "MODEL_CARD.md"));
      await refused("package_invalid", "MODEL_CARD.md", "out of the package folder");
    });

    it("whose folder is a link is taken", async () => {
      await rename(copy.path, `${copy.path}-moved`);
      await symlink(`${copy.path}-moved`, copy.path);
      await expect(loadPackage(copy.path)).resolves.toMatchObject({ path: `${copy.path}-moved` });
      await rm(`${copy.path}-moved`, { recursive: true });
    });
  });

  describe("graphs", () => {
    it("that is no ONNX model", async () => {
      await copy.put("denoiser.onnx", "not a graph");
      await copy.save();
      await refused("package_invalid", "denoiser.onnx", "not an ONNX model");
    });

    it("with a shape the manifest does not imply", async () => {
      copy.manifest.cache.windowFrames = 16;
      await copy.save();
      await refused("package_shape", "encoder.onnx", "cache_key", "[2, 2, 64, 8]", "[2, 2, 68, 8]");
    });

    it("of another role", async () => {
      copy.manifest.graphs.decoder = "image-encoder.onnx";
      await copy.save();
      await refused("package_shape", "graphs.decoder", "no input `latent`");
    });

    it("in full precision, of another role", async () => {
      copy.manifest.fullPrecision = { decoder: "image-encoder.onnx" };
      await copy.save();
      await refused("package_shape", "fullPrecision.decoder", "no input `latent`");
    });

    it("in full precision beside the ones that run are taken", async () => {
      await copy.put("decoder-int8.onnx", await readFile(join(copy.path, "decoder.onnx")));
      copy.manifest.graphs.decoder = "decoder-int8.onnx";
      copy.manifest.fullPrecision = { decoder: "decoder.onnx" };
      await copy.save();
      await expect(loadPackage(copy.path)).resolves.toMatchObject({ path: copy.path });
    });

    it("without an output", async () => {
      await copy.put("decoder.onnx", decoder({ outputs: [] }));
      await copy.save();
      await refused("package_shape", "decoder.onnx", "no output `rgb`", "uint8 [1, 32, 32, 3]");
    });

    it("with an input that nobody fills", async () => {
      await copy.put("decoder.onnx", decoder({ extra: tensor("temperature", 1, [1]) }));
      await copy.save();
      await refused("package_shape", "decoder.onnx", "`temperature`");
    });

    it("with a size left open", async () => {
      await copy.put("decoder.onnx", decoder({ latent: tensor("latent", 1, ["batch", 4, 4, 4]) }));
      await copy.save();
      await refused("package_shape", "decoder.onnx", "[batch, 4, 4, 4]");
    });

    it("of another element type", async () => {
      await copy.put("decoder.onnx", decoder({ latent: tensor("latent", 10, [1, 4, 4, 4]) }));
      await copy.save();
      await refused("package_shape", "decoder.onnx", "another type");
    });

    it.each([
      ["../weights.bin"],
      ["/etc/passwd"],
      ["weights.bin"],
      ["..\\weights.bin"],
      ["a/../../weights.bin"],
      [""],
    ])("with weights in %j", async (location) => {
      await copy.put("decoder.onnx", decoder({ external: location }));
      await copy.save();
      await refused("package_external_data", "decoder.onnx", "`w`", `\`${location}\``);
    });

    it("with weights in a file that the manifest lists are taken", async () => {
      await copy.put("weights.bin", new Uint8Array(16));
      await copy.put("decoder.onnx", decoder({ external: "weights.bin" }));
      await copy.save();
      await expect(loadPackage(copy.path)).resolves.toMatchObject({ path: copy.path });
    });
  });

  describe("start pictures", () => {
    it("of another size", async () => {
      await copy.put("starts/waves.png", PNG.sync.write(new PNG({ width: 16, height: 32 })));
      await copy.save();
      await refused("package_shape", "starts/waves.png", "16×32", "32×32");
    });

    it.each(["", "GIF89a", "\x89PNG\r\n\x1a\n"])("that is no PNG: %j", async (text) => {
      await copy.put("starts/waves.png", Buffer.from(text, "latin1"));
      await copy.save();
      await refused("package_invalid", "starts/waves.png", "not a PNG");
    });
  });
});

/** A value at a graph's border (onnx.proto3: ValueInfoProto). */
function tensor(name: string, type: number, shape: readonly (number | string)[]): Uint8Array {
  const dims = shape.map(
    (size) => [1, message(typeof size === "number" ? [1, size] : [2, size])] as const,
  );
  return message([1, name], [2, message([1, message([1, type], [2, message(...dims)])])]);
}

/** A decoder's border with nothing inside, and what a test wants wrong with it. */
function decoder(wish: {
  readonly latent?: Uint8Array;
  readonly extra?: Uint8Array;
  readonly outputs?: readonly Uint8Array[];
  readonly external?: string;
}): Uint8Array {
  const { latent = tensor("latent", 1, [1, 4, 4, 4]), extra, external } = wish;
  const { outputs = [tensor("rgb", 2, [1, 32, 32, 3])] } = wish;
  const weights =
    external === undefined
      ? []
      : [[5, message([8, "w"], [13, message([1, "location"], [2, external])], [14, 1])] as const];
  const graph = message(
    ...weights,
    [11, latent],
    ...(extra === undefined ? [] : [[11, extra] as const]),
    ...outputs.map((output) => [12, output] as const),
  );
  return message([1, 8], [7, graph]);
}
