/** What anybody can send to an open port, and what a viewer can who holds the keys. */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RtpPacket } from "werift";
import { writeNack, writePli } from "../../../src/transport/webrtc/rtcp.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";
import { WishClient } from "../../support/wish-client.ts";

const engine = pictureEngine({ width: 64, height: 64 }, 30);
let service: Service;
let session: { id: string; viewer_token: string };

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start, config: { rtcTcp: true } });
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
  });
  session = (await created.json()) as typeof session;
});

afterAll(() => service[Symbol.asyncDispose]());

/** A viewer that is connected, and where the server listens for it. */
async function viewer(codec: "h264" | "vp8" = "vp8") {
  const client = new WishClient({ codec });
  const url = new URL(`/v1/sessions/${session.id}/whep`, service.address);
  const answer = await client.call(url, session.viewer_token);
  const candidates = [
    ...(await answer.text()).matchAll(/^a=candidate:\S+ 1 (\w+) \d+ (\S+) (\d+)/gm),
  ];
  const portOf = (protocol: string) =>
    Number(candidates.find(([, named]) => named?.toLowerCase() === protocol)?.[3]);
  await until(() => client.came.video > 0, "pictures");
  return { client, udp: portOf("udp"), tcp: portOf("tcp") };
}

/** More pictures and more sound come. */
async function expectMore({ came }: WishClient): Promise<void> {
  const { video, audio } = came;
  await until(
    () => came.video > video + 5 && came.audio > audio + 5,
    "pictures and sound to go on",
  );
}

/** Bytes behind a beginning that makes the port take them for `first` to `last` (RFC 7983). */
const demultiplexedAs = (first: number, last: number, ...fixed: readonly number[]) =>
  fc
    .tuple(fc.integer({ min: first, max: last }), fc.uint8Array({ maxLength: 300 }))
    .map(([type, rest]) => Buffer.from([type, ...fixed, ...rest]));

/** A STUN message with a length that fits, so that its attributes are read. */
const stun = fc
  .tuple(fc.constantFrom(0x0001, 0x0101, 0x0111, 0x0003), fc.uint8Array({ maxLength: 200 }))
  .map(([type, body]) => {
    const attributes = body.subarray(0, body.length & ~3);
    const header = Buffer.alloc(20, 7);
    header.writeUInt16BE(type, 0);
    header.writeUInt16BE(attributes.length, 2);
    header.writeUInt32BE(0x2112_a442, 4);
    return Buffer.concat([header, attributes]);
  });

const datagram = fc.oneof(
  stun,
  demultiplexedAs(0, 3),
  // Records of DTLS: its epoch is 0, as that of a greeting and of a forged alert.
  demultiplexedAs(20, 24, 0xfe, 0xfd, 0, 0),
  demultiplexedAs(128, 191),
  // Types of RTCP, RFC 5761.
  fc.integer({ min: 192, max: 223 }).chain((type) => demultiplexedAs(128, 191, type)),
  fc.uint8Array({ maxLength: 1_400 }).map((bytes) => Buffer.from(bytes)),
);
const datagrams = fc.array(datagram, { minLength: 1, maxLength: 60 });

test("whatever anybody sends to the UDP port, its viewer sees and hears on", async () => {
  const { client, udp } = await viewer();
  const stranger = createSocket("udp4");

  await fc.assert(
    fc.asyncProperty(datagrams, async (all) => {
      for (const bytes of all) stranger.send(bytes, udp, "127.0.0.1");
      await expectMore(client);
    }),
    { numRuns: 30 },
  );

  stranger.close();
  await client.close();
});

test("whatever anybody sends to the TCP port, its viewer sees and hears on", async () => {
  const { client, tcp } = await viewer();

  await fc.assert(
    fc.asyncProperty(datagrams, fc.boolean(), async (all, isFramed) => {
      const stranger = connect(tcp, "127.0.0.1").on("error", () => undefined);
      await once(stranger, "connect");
      for (const bytes of all) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        stranger.write(isFramed ? Buffer.concat([length, bytes]) : bytes);
      }
      await expectMore(client);
      stranger.destroy();
    }),
    { numRuns: 20 },
  );

  await client.close();
});

/** RTCP whose header may be right; what it says is not. */
const rtcp = fc
  .tuple(
    fc.integer({ min: 0x80, max: 0xbf }),
    fc.integer({ min: 199, max: 208 }),
    fc.option(fc.nat(0xffff)),
    fc.uint8Array({ minLength: 4, maxLength: 400 }),
  )
  .map(([first, type, words, rest]) => {
    const header = Buffer.of(first, type, 0, 0);
    header.writeUInt16BE(words ?? rest.length >> 2, 2);
    return Buffer.concat([header, rest]);
  });

test("whatever a viewer reports, it sees and hears on, and so do others", async () => {
  const [{ client }, { client: other }] = [await viewer(), await viewer()];

  await fc.assert(
    fc.asyncProperty(fc.array(rtcp, { minLength: 1, maxLength: 60 }), async (all) => {
      for (const bytes of all) await client.sendControl(bytes);
      await expectMore(client);
      await expectMore(other);
    }),
    { numRuns: 15 },
  );

  await client.close();
  await other.close();
});

/** Key pictures are this far apart at least, however many viewers ask. */
const KEY_EVERY_MS = 300;
/** Parameter sets travel as an aggregate in front of every key picture (STAP-A, RFC 6184). */
const isKey = ({ payload }: RtpPacket): boolean => ((payload[0] ?? 0) & 0x1f) === 24;

test("a storm of requests by all viewers is answered with a key picture every 300 ms at most", async () => {
  const viewers = [await viewer("h264"), await viewer("h264")];
  let keys = 0;
  const ssrcs = await Promise.all(
    viewers.map(async ({ client }, i) => {
      const { track } = client.video.receiver;
      if (i === 0) track.onReceiveRtp.subscribe((packet) => (keys += isKey(packet) ? 1 : 0));
      const packet = await new Promise<RtpPacket>((resolve) => {
        track.onReceiveRtp.once((first) => resolve(first));
      });
      return packet.header.ssrc;
    }),
  );
  const [first] = viewers;
  if (first === undefined) throw new Error("nobody watches");
  const before = { keys, at: performance.now(), video: first.client.came.video };

  for (let round = 0; first.client.came.video < before.video + 90; round++) {
    for (const [i, { client }] of viewers.entries()) {
      const ssrc = ssrcs[i] ?? 0;
      // Packets long gone, which only a key picture can stand for.
      const gone = Array.from({ length: 16 }, (_, at) => (round * 31 + at * 997) & 0xffff);
      for (let again = 0; again < 10; again++) await client.sendControl(writePli(1, ssrc));
      await client.sendControl(fullIntraRequest(ssrc, round));
      await client.sendControl(writeNack(1, ssrc, gone));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  const elapsed = performance.now() - before.at;
  expect(keys - before.keys).toBeGreaterThan(0);
  expect(keys - before.keys).toBeLessThanOrEqual(elapsed / KEY_EVERY_MS + 2);
  for (const { client } of viewers) {
    await expectMore(client);
    await client.close();
  }
});

/** FIR, RFC 5104, section 4.3.1. */
function fullIntraRequest(ssrc: number, count: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(0x84ce_0004, 0);
  bytes.writeUInt32BE(1, 4);
  bytes.writeUInt32BE(ssrc, 12);
  bytes.writeUInt8(count & 0xff, 16);
  return bytes;
}
