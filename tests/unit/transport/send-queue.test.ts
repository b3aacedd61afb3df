import fc from "fast-check";
import { expect, test } from "vitest";
import { as, type Bytes } from "../../../src/core/units.ts";
import { decodeMediaFrame, type MediaHeader } from "../../../src/protocol/media-frame.ts";
import {
  type OutgoingFrame,
  SendQueue,
  type SendWindow,
} from "../../../src/transport/send-queue.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const frame = (index: number, kind: "key" | "delta", bytes = 100): OutgoingFrame => ({
  header: {
    kind: "video",
    codec: "h264",
    key: kind === "key",
    discardable: false,
    endOfBlock: true,
    rendition: 0,
    pts: as(index * 1000),
    duration: as(1000),
    epoch: 0,
    frame: as(index),
    block: as(index),
  },
  payload: new Uint8Array(bytes),
});

const HEADER = 48;
const WINDOW: SendWindow = { frames: 8, bytes: as(1_000_000) };

function makeQueue(window: SendWindow = WINDOW) {
  const clock = new ManualClock();
  const sent: MediaHeader[] = [];
  const sink = {
    buffered: 0,
    get bufferedBytes(): Bytes {
      return as(this.buffered);
    },
    sendMedia: (message: Uint8Array) => {
      sent.push(decodeMediaFrame(message).header);
    },
  };
  const asked = { keys: 0 };
  const queue = new SendQueue({ sink, window, clock }, () => {
    asked.keys += 1;
  });
  return { queue, sent, sink, asked, clock };
}

test("frames leave at once and in sequence while the viewer keeps up", () => {
  const { queue, sent } = makeQueue();

  for (let i = 0; i < 100; i++) {
    expect(queue.offer(frame(i, i === 0 ? "key" : "delta"))).toBe("sent");
    queue.acknowledge(i);
  }

  expect(sent.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(queue.inFlightFrames).toBe(0);
  expect(queue.totals).toEqual({
    sentFrames: 100,
    sentBytes: 100 * (100 + HEADER),
    droppedFrames: 0,
  });
});

test("nothing is sent before the first key packet, which is asked for", () => {
  const { queue, sent, asked } = makeQueue();

  expect(queue.offer(frame(0, "delta"))).toBe("dropped");
  expect(asked.keys).toBe(1);
  expect(queue.offer(frame(1, "key"))).toBe("sent");

  expect(sent).toHaveLength(1);
});

test("a viewer that acknowledges nothing gets one window", () => {
  const { queue, sent } = makeQueue();

  for (let i = 0; i < 100; i++) queue.offer(frame(i, i % 10 === 0 ? "key" : "delta"));

  expect(sent).toHaveLength(WINDOW.frames);
  expect(queue.totals.droppedFrames).toBe(100 - WINDOW.frames);
});

// Resuming at the first free place would send one frame, drop the next, and need a key packet for each.
test("after a drop, half of the window must be free before a key packet is wanted", () => {
  const { queue, asked } = makeQueue();
  for (let i = 0; i < 9; i++) queue.offer(frame(i, i === 0 ? "key" : "delta"));

  queue.acknowledge(3);
  queue.offer(frame(9, "delta"));
  expect(asked.keys).toBe(0);
  queue.acknowledge(4);
  queue.offer(frame(10, "delta"));
  expect(asked.keys).toBe(1);

  expect(queue.offer(frame(11, "delta"))).toBe("dropped");
  expect(queue.offer(frame(12, "key"))).toBe("sent");
  expect(queue.offer(frame(13, "delta"))).toBe("sent");
});

test("bytes bound what is in flight as frames do", () => {
  const { queue, sent } = makeQueue({ frames: 100, bytes: as(1_000) });

  for (let i = 0; i < 10; i++) queue.offer(frame(i, i === 0 ? "key" : "delta", 300));

  expect(sent).toHaveLength(2);
  expect(queue.inFlightBytes).toBeLessThanOrEqual(1_000);
});

test("a frame larger than the window travels alone", () => {
  const { queue } = makeQueue({ frames: 100, bytes: as(1_000) });

  expect(queue.offer(frame(0, "key", 5_000))).toBe("sent");
  expect(queue.offer(frame(1, "key", 5_000))).toBe("dropped");
  queue.acknowledge(0);
  expect(queue.offer(frame(2, "key", 5_000))).toBe("sent");
});

// A client may acknowledge what it did not read; then only this process's own buffer says so.
test("a full buffer of the sink stops the queue whatever is acknowledged", () => {
  const { queue, sink } = makeQueue();
  queue.offer(frame(0, "key"));
  queue.acknowledge(0);

  sink.buffered = 2_000_000;

  expect(queue.offer(frame(1, "delta"))).toBe("dropped");
});

test("an acknowledgement covers everything before it; old ones and unknown ones change nothing", () => {
  const { queue } = makeQueue();
  for (let i = 0; i < 4; i++) queue.offer(frame(i, i === 0 ? "key" : "delta"));

  expect(queue.acknowledge(4)).toBe(false);
  expect(queue.inFlightFrames).toBe(4);
  expect(queue.acknowledge(2)).toBe(true);
  expect(queue.inFlightFrames).toBe(1);
  expect(queue.acknowledge(0)).toBe(true);
  expect(queue.inFlightFrames).toBe(1);
});

test("silence is the age of the oldest frame in flight", async () => {
  const { queue, clock } = makeQueue();
  expect(queue.silence).toBe(0);
  queue.offer(frame(0, "key"));
  await clock.advance(500);
  queue.offer(frame(1, "delta"));
  await clock.advance(100);

  expect(queue.silence).toBe(600);
  queue.acknowledge(0);
  expect(queue.silence).toBe(100);
});

test("whatever happens, the window holds, the sequence has no gap, and deltas follow what they build on", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("offer" as const), key: fc.boolean(), bytes: fc.nat(400) }),
    fc.record({ do: fc.constant("ack" as const), sequence: fc.nat(60) }),
  );
  const window = { frames: 5, bytes: as<Bytes>(1_200) };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { queue, sent } = makeQueue(window);
      let offered = 0;
      for (const each of steps) {
        if (each.do === "ack") queue.acknowledge(each.sequence);
        else queue.offer(frame(offered++, each.key ? "key" : "delta", each.bytes));
        expect(queue.inFlightFrames).toBeLessThanOrEqual(window.frames);
        expect(queue.inFlightBytes).toBeLessThanOrEqual(window.bytes);
      }
      for (const [i, { sequence, key, frame: index }] of sent.entries()) {
        expect(sequence).toBe(i);
        const before = sent[i - 1];
        if (!key) expect(index).toBe((before?.frame ?? -2) + 1);
      }
      expect(queue.totals.sentFrames + queue.totals.droppedFrames).toBe(offered);
    }),
  );
});
