import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { TINY_PACKAGES } from "../../support/oracle.ts";
import { Client, FIXTURES, until } from "../../support/service.ts";

const MAIN = fileURLToPath(new URL("../../../src/server/cli/main.ts", import.meta.url));
/** How long a process may take to load everything on a busy machine. */
const STARTING_MS = 90_000;
vi.setConfig({ testTimeout: 120_000 });

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zoetrope-cli-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (command: string, args: readonly string[], input = ""): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = execFile(command, [...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });

const zoetrope = (...args: string[]): Promise<Outcome> => run(process.execPath, [MAIN, ...args]);

/** Start `serve` and wait for the address it prints. */
async function serve(...args: string[]) {
  const child = spawn(process.execPath, [
    MAIN,
    "serve",
    "--port",
    "0",
    "--models",
    FIXTURES,
    ...args,
  ]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const output = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (output.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output.err += data.toString()));
  const address = () => /http:\/\/\S+/.exec(output.out)?.[0];
  const hasAnswered = () => address() !== undefined || child.exitCode !== null;
  await until(hasAnswered, `the address; said ${output.err}`, STARTING_MS);
  return { child, output, address: new URL(address() ?? "") };
}

test("serve prints its address, serves the page, plays, and ends sessions in order when it is stopped", async () => {
  const { child, address } = await serve("--preload", "tiny-separable");
  const page = await (await fetch(address)).text();
  expect(page).toContain("<title>");
  const socket = new URL("/v1/realtime", address);
  socket.protocol = "ws:";
  const client = new Client(socket);
  await client.opened;
  client.send({ type: "session.start", model: "tiny-separable" });
  await client.frames(3);

  child.kill("SIGTERM");

  expect((await client.event("session.ended")).reason).toBe("shutdown");
  expect((await client.closed).code).toBe(1001);
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
});

test("the printed address carries the token", async () => {
  const { address } = await serve("--token", "0123456789abcdef");

  expect((await fetch(new URL("/", address))).status).toBe(401);
  expect((await fetch(address, { redirect: "manual" })).status).toBe(303);
});

test("a taken port is named, with what to do", async () => {
  const { address } = await serve();

  const second = await zoetrope("serve", "--port", address.port, "--models", FIXTURES);

  expect(second.code).toBe(78);
  expect(second.stderr).toContain(`port ${address.port} is in use`);
  expect(second.stderr).toContain("--port");
});

test.each([
  [["serve", "--host", "0.0.0.0"], 78, /--token/],
  [["serve", "--provider", "tpu"], 78, /provider/],
  [["serve", "--models", "/nowhere"], 78, /\/nowhere/],
  [["serve", "--models", FIXTURES, "--preload", "nothing"], 1, /tiny-separable/],
  [["fly"], 2, /unknown command/],
  [["serve", "--fly"], 2, /unknown option/],
  [["render"], 2, /--output/],
  [["render", "-o", "x.avi"], 1, /\.mp4, \.webm, \.gif/],
  [["render", "-o", "x.mp4", "--models", FIXTURES], 1, /--model/],
  [
    ["render", "-o", "x.mp4", "--models", FIXTURES, "-m", "tiny-fused", "-a", "/nowhere"],
    1,
    /\/nowhere/,
  ],
])("%j ends with code %i and says why", async (args, code, message) => {
  const outcome = await zoetrope(...args);

  expect(outcome.stderr).toMatch(message);
  expect(outcome.code).toBe(code);
  expect(outcome.stderr).not.toContain("    at ");
});

test("models lists every package, and fails when one is not valid", async () => {
  const broken = join(folder, "broken");
  const listed = await zoetrope("models", "--models", FIXTURES);
  expect(listed.code).toBe(0);
  for (const id of TINY_PACKAGES) {
    expect(listed.stdout).toMatch(new RegExp(`^${id} .*32×32@(25|30) .*MiB +yes$`, "m"));
  }

  mkdirSync(broken);
  writeFileSync(join(broken, "manifest.json"), "{}");
  const json = await zoetrope("models", "--models", FIXTURES, broken, "--json");

  expect(json.code).toBe(1);
  const { models, refused } = JSON.parse(json.stdout) as {
    models: unknown[];
    refused: { error: { code: string } }[];
  };
  expect(models).toHaveLength(TINY_PACKAGES.length);
  expect(refused.map(({ error }) => error.code)).toEqual(["package_invalid"]);
});

/** What ffprobe finds in a file: codec, size, frames. */
async function probe(path: string) {
  const entries = "stream=codec_name,width,height,nb_read_frames";
  const args = ["-v", "error", "-count_frames", "-show_entries", entries, "-of", "json", path];
  const { stdout } = await run("ffprobe", args);
  return (JSON.parse(stdout) as { streams: Record<string, unknown>[] }).streams[0];
}

/** A digest of every decoded picture. */
const pictures = async (path: string): Promise<string> =>
  (await run("ffmpeg", ["-v", "error", "-i", path, "-f", "framemd5", "-"])).stdout;

const LOG = [
  { model: "tiny-separable", seed: 7, frames: 40 },
  { frame: 5, values: { left: 1 } },
  { frame: 20, values: { left: 0, mood: "wild" } },
]
  .map((line) => JSON.stringify(line))
  .join("\n");

test.each([
  ["mp4", { codec_name: "h264", nb_read_frames: "40" }],
  ["webm", { codec_name: "vp8", nb_read_frames: "40" }],
  ["gif", { codec_name: "gif", width: 32, height: 32 }],
])("render plays a log into %s, the same pictures each time", async (kind, expected) => {
  const log = join(folder, "log.jsonl");
  writeFileSync(log, LOG);
  const files = ["a", "b"].map((name) => join(folder, `${name}.${kind}`));

  for (const file of files) {
    const outcome = await zoetrope("render", "--models", FIXTURES, "-a", log, "-o", file);
    expect(outcome).toMatchObject({ code: 0, stdout: `${file}\n` });
    expect(outcome.stderr).toMatch(/40 frames .*× real time/);
  }

  expect(await probe(files[0] ?? "")).toMatchObject(expected);
  expect(await pictures(files[0] ?? "")).toBe(await pictures(files[1] ?? ""));
});

test("flags win over the log; ffmpeg enlarges pictures", async () => {
  const log = join(folder, "log.json");
  writeFileSync(log, LOG);
  const file = join(folder, "big.mp4");

  const args = [
    "render",
    "--models",
    FIXTURES,
    "-a",
    log,
    "-o",
    file,
    "--frames",
    "9",
    "--scale",
    "4",
  ];
  const { code } = await zoetrope(...args);

  expect(code).toBe(0);
  expect(await probe(file)).toMatchObject({ width: 128, height: 128, nb_read_frames: "9" });
});

test("a render that fails leaves no file", async () => {
  const log = join(folder, "wrong.json");
  writeFileSync(log, '{"model":"tiny-fused","actions":[{"frame":3,"values":{"fly":1}}]}');
  const file = join(folder, "never.mp4");

  const { code, stderr } = await zoetrope("render", "--models", FIXTURES, "-a", log, "-o", file);

  expect(code).toBe(1);
  expect(stderr).toContain("unknown_control");
  expect(readdirSync(folder)).not.toContain("never.mp4");
});

test("doctor finds what works, and what to do about what does not", async () => {
  const args = ["doctor", "--json", "--port", "0", "--models", FIXTURES];
  const { stdout } = await zoetrope(...args);
  const { findings } = JSON.parse(stdout) as {
    findings: { name: string; verdict: string; advice?: string }[];
  };

  const verdict = (name: string) => findings.find((finding) => finding.name === name)?.verdict;
  for (const name of [
    "node",
    "onnxruntime",
    "encoder h264",
    "encoder vp8",
    "ffmpeg",
    "espeak-ng",
    "models",
    "provider cpu",
    "port",
  ]) {
    expect([name, verdict(name)]).toEqual([name, "ok"]);
  }
  for (const finding of findings) {
    expect(finding.verdict === "ok" || finding.advice !== undefined).toBe(true);
  }
});

test("doctor fails when the server would", async () => {
  const { code, stdout } = await zoetrope(
    "doctor",
    "--port",
    "0",
    "--models",
    join(folder, "none"),
  );

  expect(code).toBe(1);
  expect(stdout).toMatch(/fail +models .*\n +→ .*--models/);
});
