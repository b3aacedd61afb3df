import { expect, test } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { EncodedPicture } from "../../../src/media/encoder.ts";
import { loadPackage } from "../../../src/models/package.ts";
import type { ActionLog } from "../../../src/protocol/action-log.ts";
import { findModels } from "../../../src/server/models.ts";
import { type RenderOptions, render, renderRendition } from "../../../src/server/render.ts";
import type {
  BlockRequest,
  BlockResult,
  SessionOptions,
} from "../../../src/stream/engine/contract.ts";
import { FIXTURES } from "../../support/service.ts";

const models = await findModels([FIXTURES], loadPackage);

/** Renders with an engine and a file that only write down what they are asked for. */
async function record(id: string, log: ActionLog, frames: number) {
  const model = models.get(id);
  const seen = { requests: [] as BlockRequest[], opened: [] as SessionOptions[], closed: 0 };
  const file = { pictures: [] as EncodedPicture[], finished: 0, cancelled: 0 };
  const { framesPerBlock } = model.session;
  const next = (request: BlockRequest): Promise<BlockResult> => {
    const block = seen.requests.push(request) - 1;
    const packets = Array.from({ length: framesPerBlock }, (_, i) => ({
      data: Uint8Array.of(block * framesPerBlock + i),
      key: block === 0,
    }));
    return Promise.resolve({ block, packets } as unknown as BlockResult);
  };
  const options: RenderOptions = {
    model,
    log,
    frames,
    engine: {
      cache: model.session.cache,
      open: (opened) => {
        seen.opened.push(opened);
        const close = () => {
          seen.closed += 1;
          return Promise.resolve();
        };
        return Promise.resolve({ id: opened.id, next, close } as never);
      },
      close: () => Promise.resolve(),
    },
    rendition: renderRendition("h264", 1_000_000),
    file: {
      add: (picture) => Promise.resolve(void file.pictures.push(picture)),
      finish: () => Promise.resolve(as(++file.finished)),
      cancel: () => {
        file.cancelled += 1;
        return Promise.resolve();
      },
    },
    progress: () => undefined,
  };
  const outcome = await render(options).catch((error: unknown) => error);
  return { outcome, seen, file };
}

const at = (frame: number, left: 0 | 1) => ({ frame, values: { left } });

test("an action shows from the block that holds its frame on", async () => {
  const log = { actions: [at(3, 1), at(6, 0)] };

  const single = await record("tiny-separable", log, 8);
  const double = await record("tiny-entangled", log, 8);

  const left = ({ control }: BlockRequest) => control[0];
  expect(single.seen.requests.map(left)).toEqual([0, 0, 0, 1, 1, 1, 0, 0]);
  expect(double.seen.requests.map(left)).toEqual([0, 1, 1, 0]);
});

test("the file has exactly the frames asked for, the first a key packet", async () => {
  const { file, seen } = await record("tiny-entangled", { actions: [] }, 5);

  expect(file.pictures.map(({ data }) => data[0])).toEqual([0, 1, 2, 3, 4]);
  expect(seen.requests.map(({ keyframes }) => keyframes)).toEqual([[0], [], []]);
  expect([file.finished, file.cancelled, seen.closed]).toEqual([1, 0, 1]);
});

test("seed, start and steps are the log's, or the model's own", async () => {
  const plain = await record("tiny-separable", { actions: [] }, 1);
  const chosen = await record(
    "tiny-separable",
    { actions: [], seed: 9, start: "waves", steps: 1 },
    1,
  );

  expect(plain.seen.opened[0]).toMatchObject({ seed: 0 });
  expect(plain.seen.requests[0]?.steps).toBe(2);
  expect(chosen.seen.opened[0]).toMatchObject({ seed: 9, start: "waves" });
  expect(chosen.seen.requests[0]?.steps).toBe(1);
});

test("a log that does not fit the model is refused and leaves neither file nor session", async () => {
  const { outcome, file, seen } = await record(
    "tiny-separable",
    { actions: [{ frame: 1, values: { fly: 1 } }] },
    4,
  );

  expect(outcome).toMatchObject({ code: "unknown_control" });
  expect([file.finished, file.cancelled, seen.closed]).toEqual([0, 1, 1]);
});
