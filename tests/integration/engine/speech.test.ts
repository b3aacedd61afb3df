import { describe, expect, it } from "vitest";
import { openSoundDecoder } from "../../../src/media/codecs/decode.ts";
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

/** Speech of which every block is another; what came before the block 2 is cut off. */
const noise = (index: number) => ({
  samples: Float32Array.from({ length: 1_280 }, (_, i) => 0.4 * Math.sin(i * i + index)),
  cut: index === 2,
});

/** The loudest sample of what is heard in `blocks`. */
function loudness(blocks: readonly BlockResult[]): number {
  const decoder = openSoundDecoder();
  const packets = blocks.flatMap(({ sound }) => sound);
  const loudest = Math.max(...packets.flatMap(({ data }) => [...decoder.decode(data)]));
  decoder.close();
  return loudest;
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

  it.each([0, 1, 2])(
    "cuts nobody off who spoke before a reset, %i blocks after it",
    async (blocks) => {
      const said = (index: number) => request(index, { sound: "voice", speech: noise(index) });
      const run = async (kill: boolean) => {
        await using test = await speaking("tiny-speech-fused");
        await play(test.session, said, 0, 3);
        await test.session.reset({ seed: 9, cache: CACHE });
        const before = await play(test.session, said, 3, 3 + blocks);
        if (kill) process.kill(test.engine.pid, "SIGKILL");
        const after = await play(test.session, said, 3 + blocks, 8);
        return { made: pictures([...before, ...after]), next: loudness(after.slice(0, 1)) };
      };
      const [undisturbed, killed] = [await run(false), await run(true)];
      expect(killed.made).toEqual(undisturbed.made);
      expect(undisturbed.next).toBeGreaterThan(0.1);
      // An encoder that begins anew swings in.
      expect(killed.next).toBeGreaterThan(undisturbed.next / 2);
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
