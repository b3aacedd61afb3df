/** What this machine can do, and why something will not work: one check for each thing the server stands on. */

import { createServer } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { toStreamError } from "../core/errors.ts";
import { silentLogger } from "../core/log.ts";
import { as } from "../core/units.ts";
import { openEncoder } from "../media/codecs/open.ts";
import { ffmpegVersion } from "../media/files/transcoded-file.ts";
import { espeakVersion } from "../media/speech/espeak.ts";
import { inspectRuntime } from "../models/ort/runtime.ts";
import type { ProviderChoice } from "../stream/engine/contract.ts";
import type { Config } from "./config.ts";
import type { StartEngine } from "./engines.ts";
import { findModels, type LoadPackage, type Models } from "./models.ts";

/** What a check found. */
export interface Finding {
  readonly name: string;
  /** `warn`: something is missing that not everybody needs; `fail`: the server will not work. */
  readonly verdict: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What the checks need. */
export interface DoctorParts {
  readonly config: Config;
  readonly load: LoadPackage;
  readonly startEngine: StartEngine;
}

const NODE_FLOOR = [22, 18] as const;
const GIB = 2 ** 30;
const ENOUGH_MEMORY = 2 * GIB;
const ENOUGH_CORES = 2;
/** A picture that every encoder takes. */
const TRIAL = { width: 64, height: 64, frameRate: 30 } as const;
const PROVIDERS = ["cpu", "webgpu", "cuda"] as const satisfies readonly ProviderChoice[];
const PROVIDER_ADVICE: Readonly<Record<(typeof PROVIDERS)[number], string>> = {
  cpu: "reinstall with `npm ci`; ONNX Runtime has builds for Linux, macOS and Windows on x64 and arm64",
  webgpu: "needed only for --provider webgpu: a GPU driver with Vulkan, Metal or Direct3D 12",
  cuda: "needed only for --provider cuda: an NVIDIA driver, CUDA 12, cuDNN 9 and ONNX Runtime's CUDA libraries",
};

/** Every finding, one after the other, as soon as it is known. */
export async function* examine(parts: DoctorParts): AsyncGenerator<Finding> {
  yield node();
  yield cores();
  yield memory();
  yield await runtime();
  yield await encoder("h264");
  yield await encoder("vp8");
  yield await ffmpeg();
  yield await synthesiser();
  const models = await findModels(parts.config.models, parts.load).catch(toStreamError);
  yield modelsFinding(parts.config, models);
  const trial = "offered" in models ? models.offered[0] : undefined;
  if (trial !== undefined) {
    for (const provider of PROVIDERS) {
      yield await providerFinding(parts, trial.modelPackage.path, provider);
    }
  }
  yield await port(parts.config);
}

const ok = (name: string, detail: string): Finding => ({ name, verdict: "ok", detail });
const warn = (name: string, detail: string, advice: string): Finding => ({
  name,
  verdict: "warn",
  detail,
  advice,
});
const fail = (name: string, detail: string, advice: string): Finding => ({
  name,
  verdict: "fail",
  detail,
  advice,
});

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [floor, floorMinor] = NODE_FLOOR;
  const isEnough = major > floor || (major === floor && minor >= floorMinor);
  const detail = `${process.version}, ${process.platform} ${process.arch}`;
  return isEnough
    ? ok("node", detail)
    : fail(
        "node",
        detail,
        `use Node ${floor}.${floorMinor} or newer: npx -y -p node@24 -c "npm start"`,
      );
}

function cores(): Finding {
  const count = availableParallelism();
  const detail = `${count}`;
  return count >= ENOUGH_CORES
    ? ok("cores", detail)
    : warn("cores", detail, "frames will be late: inference and encoding share one core");
}

function memory(): Finding {
  const detail = `${(totalmem() / GIB).toFixed(1)} GiB`;
  return totalmem() >= ENOUGH_MEMORY
    ? ok("memory", detail)
    : warn("memory", detail, "large packages may not fit: watch the engine's memory");
}

async function runtime(): Promise<Finding> {
  try {
    const { version, providers } = await inspectRuntime();
    return ok("onnxruntime", `${version}; built with ${providers.join(", ")}`);
  } catch (cause) {
    return fail("onnxruntime", toStreamError(cause).message, PROVIDER_ADVICE.cpu);
  }
}

async function encoder(codec: "h264" | "vp8"): Promise<Finding> {
  const name = `encoder ${codec}`;
  try {
    const opened = await openEncoder({ codec, ...TRIAL, bitrate: as(1_000_000) });
    const rgb = new Uint8Array(TRIAL.width * TRIAL.height * 3);
    const { data } = await opened.encode(rgb, as(0), { key: true });
    opened.close();
    return ok(name, `a black picture is ${data.byteLength} bytes`);
  } catch (cause) {
    const advice = "install with optional dependencies: `npm ci`, without --omit=optional";
    return fail(name, toStreamError(cause).message, advice);
  }
}

async function ffmpeg(): Promise<Finding> {
  try {
    return ok("ffmpeg", await ffmpegVersion());
  } catch (cause) {
    const advice =
      "needed only for live playlists, uploads, .gif and enlarged videos: apt-get install ffmpeg";
    return warn("ffmpeg", toStreamError(cause).message, advice);
  }
}

async function synthesiser(): Promise<Finding> {
  try {
    return ok("espeak-ng", await espeakVersion());
  } catch (cause) {
    const advice = "needed only to say texts by models that hear: apt-get install espeak-ng";
    return warn("espeak-ng", toStreamError(cause).message, advice);
  }
}

function modelsFinding({ models: folders }: Config, models: Models | Error): Finding {
  const advice = "put a package there, or name its folder with --models";
  if (!("offered" in models)) return fail("models", models.message, advice);
  const [refused] = models.refused;
  if (refused !== undefined) {
    const { path, error } = refused;
    return fail(
      "models",
      `${path}: ${error.message}`,
      "mend or remove it: `zoetrope models` lists all",
    );
  }
  const ids = models.offered.map(({ id }) => id).join(", ");
  return ids === "" ? fail("models", `none in ${folders.join(", ")}`, advice) : ok("models", ids);
}

async function providerFinding(
  { startEngine, config }: DoctorParts,
  packagePath: string,
  provider: (typeof PROVIDERS)[number],
): Promise<Finding> {
  const name = `provider ${provider}`;
  try {
    const options = { packagePath, provider, callDeadline: as<never>(config.deadline * 1000) };
    const engine = await startEngine(options, () => undefined, silentLogger);
    await engine.close();
    return ok(name, "runs a model in an engine of its own");
  } catch (cause) {
    const { message } = toStreamError(cause);
    const isNeeded = provider === "cpu" || provider === config.provider;
    return (isNeeded ? fail : warn)(name, message, PROVIDER_ADVICE[provider]);
  }
}

function port({ host, port }: Config): Promise<Finding> {
  const name = "port";
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ message }) => {
      resolve(fail(name, message, "stop the other program, or choose another with --port"));
    });
    server.listen(port, host, () => {
      server.close(() => {
        resolve(ok(name, `${host}:${port} is free`));
      });
    });
  });
}
