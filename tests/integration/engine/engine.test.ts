import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { readMarker } from "../../../src/core/marker.ts";
import type { EngineSession } from "../../../src/stream/engine/contract.ts";
import { decodePictures } from "../../support/decoder.ts";
import {
  fixture,
  pictures,
  play,
  RAW,
  realEngine,
  request,
  sessionOptions,
} from "../../support/engine.ts";

describe("an engine", () => {
  it("says where it runs and why", async () => {
    await using test = await realEngine();

    expect(test.events).toEqual([
      { type: "engine-ready", pid: test.engine.pid, provider: "cpu", reason: "configured" },
    ]);
  });

  it("makes the same stream from the same seed and controls, in whatever process", async () => {
    const run = async (seed: number) => {
      await using test = await realEngine();
      return pictures(await play(await test.engine.open(sessionOptions("a", seed)), 0, 6));
    };

    const once = await run(5);

    expect(await run(5)).toEqual(once);
    expect(await run(6)).not.toEqual(once);
  });

  it("numbers blocks and frames and gives each frame a packet in every rendition", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));
    const renditions = [RAW, { id: 4, codec: "h264", bitrate: 400_000 } as const];

    await session.next(request(0, { renditions }));
    const second = await session.next(request(1, { renditions }));

    expect(second).toMatchObject({ block: 1, firstFrame: 1, frames: 1, pts: 33_333, epoch: 1 });
    expect(second.packets.map(({ rendition, key, frame }) => [rendition, key, frame])).toEqual([
      [0, true, 1],
      [4, false, 1],
    ]);
  });

  it("begins a rendition that is joined late with a key packet, and gives keys on demand", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));
    const vp8 = { id: 2, codec: "vp8", bitrate: 400_000 } as const;
    await play(session, 0, 2);

    const packets = [];
    for (let i = 2; i < 6; i++) {
      const keyframes = i === 4 ? [2] : [];
      packets.push(...(await session.next(request(i, { renditions: [vp8], keyframes }))).packets);
    }

    expect(packets.map(({ key }) => key)).toEqual([true, false, true, false]);
    expect(
      await decodePictures(
        "vp8",
        packets.map(({ data }) => data),
      ),
    ).toHaveLength(4);
  });

  it("draws the frame and epoch into the picture when asked", async () => {
    await using test = await realEngine();
    const marked = await test.engine.open({ ...sessionOptions("marked"), markers: true });
    const plain = await test.engine.open(sessionOptions("plain"));
    const read = async (session: EngineSession) => {
      const { packets } = await session.next(request(0, { epoch: 77 }));
      return readMarker(packets[0]?.data ?? new Uint8Array(), 32, 3);
    };

    expect(await read(marked)).toEqual({ frame: 0, epoch: 77 });
    expect(await read(plain)).toBeNull();
  });

  it("makes a block that nobody watches without packets", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));

    const block = await session.next(request(0, { renditions: [] }));

    expect(block).toMatchObject({ frames: 1, packets: [] });
  });

  it("lets a snapshot go on in another engine bit for bit", async () => {
    await using one = await realEngine();
    await using other = await realEngine();
    const source = await one.engine.open(sessionOptions("a"));
    await play(source, 0, 20);
    const snapshot = await source.snapshot();

    const target = await other.engine.open(sessionOptions("b", 1234));
    await target.restore(snapshot);

    expect(pictures(await play(target, 20, 5))).toEqual(pictures(await play(source, 20, 5)));
  });

  it("refuses a damaged snapshot and goes on as before", async () => {
    await using test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));
    await play(session, 0, 2);
    const { bytes } = await session.snapshot();
    bytes[40] = (bytes[40] ?? 0) ^ 1;

    await expect(session.restore({ bytes })).rejects.toMatchObject({ code: "snapshot_invalid" });
    expect((await session.next(request(2))).block).toBe(2);
  });

  it("ends with its process, and every call after that is refused", async () => {
    const test = await realEngine();
    const session = await test.engine.open(sessionOptions("a"));
    const { pid } = test.engine;

    await test.engine.close();

    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await expect(session.next(request(0))).rejects.toMatchObject({ code: "engine_lost" });
    await expect(test.engine.open(sessionOptions("b"))).rejects.toMatchObject({
      code: "engine_lost",
    });
    expect(test.events).toHaveLength(1);
  });
});

describe("sessions of one engine", () => {
  it("do not change each other's pictures", async () => {
    await using test = await realEngine();
    const alone = await test.engine.open(sessionOptions("alone", 3));
    const expected = pictures(await play(alone, 0, 8));

    const [a, b] = [
      await test.engine.open(sessionOptions("a", 3)),
      await test.engine.open(sessionOptions("b", 4)),
    ];
    const [ofA, ofB] = await Promise.all([play(a, 0, 8), play(b, 0, 8)]);

    expect(pictures(ofA)).toEqual(expected);
    expect(pictures(ofB)).not.toEqual(expected);
  });

  it("fail alone", async () => {
    await using test = await realEngine();
    const [bad, good] = [
      await test.engine.open(sessionOptions("bad")),
      await test.engine.open(sessionOptions("good")),
    ];

    const [failure, block] = await Promise.allSettled([
      bad.next(request(0, { control: new Float32Array(99) })),
      good.next(request(0)),
    ]);

    expect(failure).toMatchObject({ status: "rejected", reason: { code: "bad_control" } });
    expect(block).toMatchObject({ status: "fulfilled" });
    await expect(bad.next(request(0, { steps: 50 }))).rejects.toMatchObject({
      code: "bad_parameter",
    });
    expect((await bad.next(request(0))).block).toBe(0);
  });

  it("are refused one by one for what they ask", async () => {
    await using test = await realEngine();
    const options = { ...sessionOptions("a"), start: "nowhere" };

    await expect(test.engine.open(options)).rejects.toMatchObject({ code: "unknown_start" });
    expect(await test.engine.open(sessionOptions("a"))).toMatchObject({ id: "a" });
  });

  it("leave nothing behind in the server when they come and go", async () => {
    await using test = await realEngine();
    const handles = () => process.getActiveResourcesInfo().length;
    const life = async (i: number) => {
      const session = await test.engine.open(sessionOptions(`s${i}`));
      await play(session, 0, 2);
      await session.close();
    };
    await life(0);
    const before = handles();

    for (let i = 1; i < 40; i++) await life(i);

    expect(handles()).toBeLessThanOrEqual(before);
    await expect(play(await test.engine.open(sessionOptions("s0")), 0, 1)).resolves.toHaveLength(1);
  });
});

describe("an engine that cannot start", () => {
  async function brokenPackage(damage: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), "package-"));
    await cp(fixture("tiny-separable"), folder, { recursive: true });
    await damage(folder);
    const started = realEngine({ packagePath: folder });
    await started.catch(() => undefined);
    await rm(folder, { recursive: true });
    return started;
  }

  it("says which file of the package is damaged", async () => {
    const started = brokenPackage((folder) => writeFile(join(folder, "decoder.onnx"), "no graph"));

    await expect(started).rejects.toMatchObject({
      code: "package_digest",
      detail: { file: "decoder.onnx" },
    });
  });

  it("says that a manifest is missing", async () => {
    await expect(
      brokenPackage((folder) => rm(join(folder, "manifest.json"))),
    ).rejects.toMatchObject({ code: "package_missing_file" });
  });

  it("leaves no process", async () => {
    const before = await hostProcesses();

    await brokenPackage((folder) => writeFile(join(folder, "manifest.json"), "{")).catch(
      () => undefined,
    );

    expect(await hostProcesses()).toEqual(before);
  });
});

/** Ids of this process's engine processes. */
async function hostProcesses(): Promise<string[]> {
  const { stdout } = await promisify(execFile)("ps", [
    "-o",
    "pid=,stat=,args=",
    "--ppid",
    `${process.pid}`,
  ]);
  return stdout
    .split("\n")
    .filter((line) => line.includes("engine/host.ts") && !/^\s*\d+ Z/.test(line));
}
