import { describe, expect, it } from "vitest";
import type {
  BlockRequest,
  BlockResult,
  EngineSession,
} from "../../../src/stream/engine/contract.ts";
import { fixture, pictures, realEngine, request, sessionOptions } from "../../support/engine.ts";
import { readOracle, speechAt } from "../../support/oracle.ts";

const CACHE = { policy: "window", windowFrames: 4, sinkFrames: 2 } as const;

/** A session of a tiny package that hears, in an engine process of its own. */
async function speaking(id: "tiny-speech" | "tiny-speech-fused" | "tiny-speech-separate") {
  const test = await realEngine({ packagePath: fixture(id) });
  const session = await test.engine.open({ ...sessionOptions("a"), cache: CACHE });
  const oracle = readOracle(id);
  const said = (index: number, change: Partial<BlockRequest> = {}): BlockRequest => {
    const speech = speechAt(oracle, index);
    return request(index, { sound: "voice", ...(speech !== undefined && { speech }), ...change });
  };
  return { ...test, session, said };
}

async function play(
  session: EngineSession,
  said: (index: number) => BlockRequest,
  from: number,
  to: number,
): Promise<BlockResult[]> {
  const blocks: BlockResult[] = [];
  for (let index = from; index < to; index++) blocks.push(await session.next(said(index)));
  return blocks;
}

describe("an engine that ends while somebody speaks", () => {
  it.each(["tiny-speech-fused", "tiny-speech-separate"] as const)(
    "%s: is replaced, and mouth and voice go on",
    async (id) => {
      await using calm = await speaking(id);
      const undisturbed = await play(calm.session, calm.said, 0, 7);
      await using test = await speaking(id);
      const before = await play(test.session, test.said, 0, 3);
      process.kill(test.engine.pid, "SIGKILL");
      const after = await play(test.session, test.said, 3, 7);
      expect(pictures([...before, ...after])).toEqual(pictures(undisturbed));
      const times = [...before, ...after].flatMap(({ sound }) => sound.map(({ pts }) => pts));
      expect(times).toEqual(Array.from({ length: 28 }, (_, i) => i * 20_000));
    },
  );

  it("goes on from the picture it began again from", async () => {
    await using test = await speaking("tiny-speech-fused");
    const picture = new Uint8Array(32 * 32 * 3).fill(180);
    const change = { seed: 9, picture, cache: CACHE };
    await test.session.reset(change);
    const undisturbed = await play(test.session, test.said, 0, 3);

    await using other = await speaking("tiny-speech-fused");
    await other.session.reset(change);
    const before = await play(other.session, other.said, 0, 1);
    process.kill(other.engine.pid, "SIGKILL");
    const after = await play(other.session, other.said, 1, 3);
    expect(pictures([...before, ...after])).toEqual(pictures(undisturbed));
  });
});

describe("a session that hears", () => {
  it("goes on from a snapshot in another engine bit for bit", async () => {
    await using test = await speaking("tiny-speech");
    await play(test.session, test.said, 0, 3);
    const snapshot = await test.session.snapshot();
    const went = await play(test.session, test.said, 3, 6);
    await using other = await speaking("tiny-speech");
    await other.session.restore(snapshot);
    expect(pictures(await play(other.session, other.said, 3, 6))).toEqual(pictures(went));
  });

  it("says of a picture without a face that it has none, and goes on", async () => {
    await using test = await speaking("tiny-speech");
    await test.session.checkPicture(new Uint8Array(32 * 32 * 3).fill(200));
    await expect(test.session.checkPicture(new Uint8Array(32 * 32 * 3))).rejects.toMatchObject({
      code: "no_face",
    });
    expect((await test.session.next(test.said(0))).frames).toBe(2);
  });
});
