import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/core/clock.ts";
import { StreamError } from "../../../../src/core/errors.ts";
import { as } from "../../../../src/core/units.ts";
import { openSoundEncoder } from "../../../../src/media/codecs/open.ts";
import type { EncoderOptions, VideoEncoder } from "../../../../src/media/encoder.ts";
import { loadPackage, type ModelPackage } from "../../../../src/models/package.ts";
import type { OpenEncoder } from "../../../../src/stream/engine/encoders.ts";
import type { MadeBlock } from "../../../../src/stream/engine/messages.ts";
import { SessionTable } from "../../../../src/stream/engine/session-table.ts";
import { Turns } from "../../../../src/stream/engine/turns.ts";
import { fixture, RAW, request, sessionOptions, WHOLE_CACHE } from "../../../support/engine.ts";
import { hashModel } from "../../../support/hash-model.ts";

let modelPackage: ModelPackage;
beforeAll(async () => {
  const loaded = await loadPackage(fixture("tiny-separable"));
  const { lanes } = loaded.manifest;
  const video = { ...lanes.video, framesPerBlock: 3 };
  modelPackage = { ...loaded, manifest: { ...loaded.manifest, lanes: { video } } };
});

/** Encoders that are open, and a way to make them fail or wait. */
class EncoderRoom {
  readonly open = new Set<EncoderOptions>();
  packet = new Uint8Array(4);
  encode: (options: EncoderOptions) => void | Promise<void> = () => undefined;

  readonly openEncoder: OpenEncoder = (options) => {
    this.open.add(options);
    const encoder: VideoEncoder = {
      options,
      encode: async (_rgb, _pts, { key }) => {
        await this.encode(options);
        return { data: this.packet, key };
      },
      close: () => this.open.delete(options),
    };
    return Promise.resolve(encoder);
  };
}

function setUp() {
  const model = hashModel(modelPackage);
  const encoders = new EncoderRoom();
  const { openEncoder } = encoders;
  const table = new SessionTable({
    model,
    openEncoder,
    openSoundEncoder,
    clock: systemClock,
    compute: new Turns(),
  });
  const open = (id: string, seed?: number) =>
    table.answer({ method: "open", options: sessionOptions(id, seed), restored: null });
  const next = async (session: string, index: number, change = {}) =>
    (await table.answer({
      method: "next",
      session,
      request: request(index, change),
    })) as MadeBlock;
  return { model, encoders, table, open, next };
}

describe("the sessions of an engine process", () => {
  it("number frames across blocks and give each frame a packet of every rendition, in order", async () => {
    const { open, next } = setUp();
    await open("a");
    const renditions = [RAW, { id: 1, codec: "vp8", bitrate: 1000 } as const];

    await next("a", 0, { renditions });
    const { result } = await next("a", 1, { renditions });

    expect(result).toMatchObject({ block: 1, firstFrame: 3, frames: 3, pts: 100_000 });
    expect(result.packets.map(({ frame, rendition }) => [frame, rendition])).toEqual([
      [3, 0],
      [3, 1],
      [4, 0],
      [4, 1],
      [5, 0],
      [5, 1],
    ]);
    expect(result.packets.map(({ pts }) => pts)).toEqual([
      100_000, 100_000, 133_333, 133_333, 166_667, 166_667,
    ]);
    for (const { pts, duration, frame } of result.packets) {
      expect(pts + duration).toBe(Math.round(((frame + 1) * 1_000_000) / 30));
    }
  });

  it("ask for a key packet at a block's first picture only, of the renditions that want one", async () => {
    const { open, next } = setUp();
    await open("a");
    const renditions = [RAW, { ...RAW, id: 1 }];

    const { result } = await next("a", 0, { renditions, keyframes: [1] });

    expect(result.packets.map(({ rendition, key }) => `${rendition}${key ? " key" : ""}`)).toEqual([
      "0",
      "1 key",
      "0",
      "1",
      "0",
      "1",
    ]);
  });

  it("close the encoder of a rendition that is wanted no more, and all of them at the end", async () => {
    const { open, next, encoders, table, model } = setUp();
    await open("a");
    await next("a", 0, { renditions: [RAW, { ...RAW, id: 1 }] });
    expect(encoders.open.size).toBe(2);

    await next("a", 1, { renditions: [{ ...RAW, id: 1 }] });
    expect(encoders.open.size).toBe(1);

    await table.answer({ method: "close", session: "a" });
    expect(encoders.open.size).toBe(0);
    expect(model.openGenerations).toBe(0);
    expect(table.size).toBe(0);
  });

  it("are served in the order they asked, one block at a time", async () => {
    const { open, next, model } = setUp();
    const order: number[] = [];
    let running = 0;
    model.onBlock = async ({ seed }) => {
      running += 1;
      order.push(seed);
      await new Promise(setImmediate);
      expect(running).toBe(1);
      running -= 1;
    };
    for (const seed of [1, 2, 3]) await open(`s${seed}`, seed);

    const rounds = [1, 2, 3].map(async (seed) => {
      for (let block = 0; block < 3; block++) await next(`s${seed}`, block);
    });
    await Promise.all(rounds);

    expect(order).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  it("encode while another session's block is made", async () => {
    const { open, next, model, encoders } = setUp();
    await open("slow", 1);
    await open("quick", 2);
    const made = Promise.withResolvers<undefined>();
    model.onBlock = ({ seed }) => {
      if (seed === 2) made.resolve(undefined);
    };
    encoders.encode = () => made.promise;

    await expect(Promise.all([next("slow", 0), next("quick", 0)])).resolves.toHaveLength(2);
  });

  it("fail alone, and what failed can be asked again", async () => {
    const { open, next, model } = setUp();
    await open("bad", 1);
    await open("good", 2);
    model.onBlock = ({ seed, block }) => {
      if (seed === 1 && block === 1) throw new StreamError("inference_failed", "not a number");
    };

    await next("bad", 0);
    await expect(next("bad", 1)).rejects.toMatchObject({ code: "inference_failed" });
    await expect(next("good", 0)).resolves.toMatchObject({ result: { block: 0 } });
  });

  it("wait for every encoder before an encoder's failure is told, so that none is closed at work", async () => {
    const { open, next, encoders } = setUp();
    await open("a");
    const slow = Promise.withResolvers<undefined>();
    encoders.encode = ({ bitrate }) => {
      if (bitrate === as<never>(1)) throw new StreamError("encoder_failed", "broken");
      return slow.promise;
    };
    let settled = false;
    const renditions = [RAW, { ...RAW, id: 1, bitrate: 1 }];

    const failure = next("a", 0, { renditions }).finally(() => {
      settled = true;
    });
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    slow.resolve(undefined);

    await expect(failure).rejects.toMatchObject({ code: "encoder_failed" });
  });

  it("finish a block before they close", async () => {
    const { open, next, table, encoders } = setUp();
    await open("a");
    const slow = Promise.withResolvers<undefined>();
    encoders.encode = () => slow.promise;

    const block = next("a", 0);
    const closed = table.answer({ method: "close", session: "a" });
    await new Promise(setImmediate);
    expect(encoders.open.size).toBe(1);
    slow.resolve(undefined);

    await expect(block).resolves.toMatchObject({ result: { frames: 3 } });
    await closed;
    expect(encoders.open.size).toBe(0);
  });

  it("refuse a message too large to send, and nothing else", async () => {
    const { open, next, encoders } = setUp();
    await open("a");
    encoders.packet = new Uint8Array(33 * 2 ** 20);
    await expect(next("a", 0)).rejects.toMatchObject({ code: "message_too_large" });

    encoders.packet = new Uint8Array(4);
    await expect(next("a", 1)).resolves.toMatchObject({ result: { block: 1 } });
  });

  it("refuse what names no session, and a name that is taken", async () => {
    const { open, next } = setUp();
    await open("a");

    await expect(next("b", 0)).rejects.toMatchObject({ code: "unknown_session" });
    await expect(open("a")).rejects.toMatchObject({ code: "internal" });
  });

  it("go on from a snapshot and later blocks as if nothing had happened", async () => {
    const { open, next, table } = setUp();
    await open("a");
    await next("a", 0);
    const snapshot = await table.answer({ method: "snapshot", session: "a" });
    const { latents } = await next("a", 1);
    const expected = await next("a", 2);

    await table.answer({
      method: "open",
      options: sessionOptions("b", 9),
      restored: { snapshot: snapshot as never, cache: WHOLE_CACHE },
    });
    const { control } = request(1);
    await table.answer({
      method: "recache",
      session: "b",
      block: 2,
      blocks: [{ latents, control }],
      heard: [],
    });
    const made = await next("b", 2);

    expect(made.latents).toEqual(expected.latents);
    expect(made.result.block).toBe(2);
  });

  it("are emptied and looked at in their turn", async () => {
    const { open, next, table } = setUp();
    await open("a");
    const making = next("a", 0);
    const looking = table.answer({ method: "inspectCache", session: "a" });
    await Promise.all([making, looking]);

    expect(await looking).toMatchObject({
      report: { policy: "window" },
      inspection: { frames: 1, recall: 1 },
    });
    const what = { keepSinks: true };
    expect(await table.answer({ method: "forgetCache", session: "a", what })).toBeNull();
  });

  it("leave nothing open when a session cannot be opened as it was", async () => {
    const { table, model } = setUp();

    await expect(
      table.answer({
        method: "open",
        options: sessionOptions("a"),
        restored: { snapshot: { bytes: new Uint8Array(3) } },
      }),
    ).rejects.toMatchObject({ code: "snapshot_invalid" });
    expect(model.openGenerations).toBe(0);
    expect(table.size).toBe(0);
  });
});
