import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, it, vi } from "vitest";
import { RtcpSrPacket, RtpHeader, RtpPacket } from "werift";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { as, type BitsPerSecond, type Micros } from "../../../src/core/units.ts";
import { openEncoder } from "../../../src/media/codecs/open.ts";
import type {
  IncomingVideo,
  RtcHandlers,
  RtcOptions,
  RtcVideoCodec,
} from "../../../src/transport/webrtc/contract.ts";
import { packetiseH264 } from "../../../src/transport/webrtc/h264.ts";
import { RtcReceiver } from "../../../src/transport/webrtc/receiver.ts";
import { RtcViewer } from "../../../src/transport/webrtc/viewer.ts";
import { type ClientWish, RtcClient } from "../../support/rtc-client.ts";

const OPTIONS: RtcOptions = {
  clock: systemClock,
  iceServers: [],
  addresses: ["127.0.0.1"],
  delay: "low",
  startBitrate: 1_000_000,
  maxBitrate: 2_000_000,
};
const WAIT = { timeout: 10_000, interval: 5 };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function listener() {
  const handlers = {
    connected: vi.fn(),
    message: vi.fn<RtcHandlers["message"]>(),
    refused: vi.fn<RtcHandlers["refused"]>(),
    opened: vi.fn(),
    keyframeWanted: vi.fn(),
    rateChanged: vi.fn(),
    closed: vi.fn<RtcHandlers["closed"]>(),
  };
  return handlers satisfies RtcHandlers;
}

/** A viewer and its client, connected. */
async function connected(wish: ClientWish = {}, options: Partial<RtcOptions> = {}) {
  const client = new RtcClient(wish);
  const told = listener();
  const viewer = await RtcViewer.answer(await client.offer(), { ...OPTIONS, ...options }, told);
  closers.push(
    () => viewer.close(),
    () => client.close(),
  );
  await client.accept(viewer.answerSdp);
  await vi.waitFor(() => expect(told.connected).toHaveBeenCalled(), WAIT);
  return { client, told, viewer };
}

/** A few real pictures. */
async function pictures(codec: RtcVideoCodec, count: number) {
  const [width, height] = [320, 240];
  const bitrate = as<BitsPerSecond>(1_000_000);
  const encoder = await openEncoder({ codec, width, height, frameRate: 30, bitrate });
  const made = [];
  for (let i = 0; i < count; i++) {
    const rgb = Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * (i + 3)) & 0xff);
    made.push(await encoder.encode(rgb, as(i * 33_333), { key: false }));
  }
  encoder.close();
  return made;
}

it("answers with everything that WHEP asks for", async () => {
  const client = new RtcClient();
  closers.push(() => client.close());
  const viewer = await RtcViewer.answer(await client.offer(), OPTIONS, listener());
  closers.push(() => viewer.close());
  const { answerSdp } = viewer;
  expect(viewer.codec).toBe("h264");
  expect(viewer.hasSound).toBe(true);
  expect(answerSdp.match(/^a=sendonly\r$/gm)).toHaveLength(2);
  expect(answerSdp.match(/^a=rtcp-mux-only\r$/gm)).toHaveLength(2);
  expect(answerSdp).toMatch(/^a=group:BUNDLE 0 1 2\r$/m);
  expect(answerSdp).toMatch(/^a=setup:passive\r$/m);
  expect(new Set(answerSdp.match(/(?<=^a=msid:)\S+/gm)).size).toBe(1);
  const candidates = answerSdp.match(/^a=candidate:.*$/gm) ?? [];
  expect(candidates).toHaveLength(1);
  expect(candidates[0]).toContain(" 127.0.0.1 ");
});

/** A STUN server (RFC 8489) that says that everybody comes from `address`; its port. */
async function stunServer(address: readonly number[], port: number): Promise<number> {
  const socket = createSocket("udp4");
  closers.push(() => socket.close());
  socket.on("message", (request, { address: host, port: from }) => {
    const answer = Buffer.alloc(32);
    answer.writeUInt32BE(0x0101_000c, 0);
    // The cookie and the transaction, as they came; with the cookie the address is masked.
    request.copy(answer, 4, 4, 20);
    answer.writeUInt32BE(0x0020_0008, 20);
    answer.writeUInt8(1, 25);
    answer.writeUInt16BE(port ^ request.readUInt16BE(4), 26);
    for (const [i, part] of address.entries()) answer[28 + i] = part ^ (request[4 + i] ?? 0);
    socket.send(answer, from, host);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
}

it("tells where a STUN server sees it", async () => {
  const client = new RtcClient();
  closers.push(() => client.close());
  const port = await stunServer([203, 0, 113, 9], 40_000);
  const options = { ...OPTIONS, iceServers: [{ urls: `stun:127.0.0.1:${port}` }] };
  const viewer = await RtcViewer.answer(await client.offer(), options, listener());
  closers.push(() => viewer.close());
  const candidates = viewer.answerSdp.match(/(?<=^a=candidate:).*$/gm) ?? [];
  expect(candidates).toHaveLength(2);
  expect(candidates).toContainEqual(expect.stringContaining(" 127.0.0.1 "));
  expect(candidates).toContainEqual(
    expect.stringMatching(/ udp \d+ 203\.0\.113\.9 40000 typ srflx raddr 127\.0\.0\.1 /),
  );
});

it("carries messages and events both ways, and refuses what is none", async () => {
  const { client, told, viewer } = await connected();
  await vi.waitFor(() => expect(told.opened).toHaveBeenCalled(), WAIT);
  const texts: string[] = [];
  client.control?.onMessage.subscribe((text) => texts.push(String(text)));
  client.control?.send(JSON.stringify({ type: "session.ping", event_id: "a" }));
  client.control?.send("no message");
  client.control?.send(Buffer.from("binary"));
  client.input?.send(JSON.stringify({ type: "control.input", values: { turn: 1 } }));
  await vi.waitFor(() => expect(told.message).toHaveBeenCalledTimes(2), WAIT);
  expect(told.message.mock.calls).toContainEqual([
    { type: "session.ping", event_id: "a" },
    "control",
  ]);
  expect(told.message.mock.calls).toContainEqual([
    { type: "control.input", values: { turn: 1 } },
    "input",
  ]);
  await vi.waitFor(() => expect(told.refused).toHaveBeenCalledTimes(2), WAIT);
  expect(told.refused.mock.calls.map(([error]) => error.code)).toEqual([
    "bad_message",
    "bad_message",
  ]);
  viewer.send({ type: "session.resumed" } as never);
  await vi.waitFor(() => expect(texts.join()).toContain("session.resumed"), WAIT);
  expect(texts.filter((text) => text.includes("bad_message"))).toHaveLength(2);
});

it.each(["h264", "vp8"] as const)(
  "sends %s and sound from the first key picture on",
  async (codec) => {
    const { client, told, viewer } = await connected({ codec });
    const packets: RtpPacket[] = [];
    client.video.receiver.track.onReceiveRtp.subscribe((packet) => packets.push(packet));
    let sounds = 0;
    client.audio.receiver.track.onReceiveRtp.subscribe(() => {
      sounds += 1;
    });
    const [key, ...deltas] = await pictures(codec, 6);
    if (key === undefined) throw new Error("no pictures");
    viewer.sendVideo({ codec, pts: as(0), ...(deltas[0] ?? key) });
    expect(told.keyframeWanted).toHaveBeenCalledOnce();
    for (const [i, picture] of [key, ...deltas].entries()) {
      viewer.sendVideo({ codec, pts: as(i * 40_000), ...picture });
      viewer.sendSound({ pts: as(i * 20_000), data: Uint8Array.of(0xf8, 0xff, 0xfe) });
    }
    await vi.waitFor(
      () => expect(packets.filter(({ header }) => header.marker)).toHaveLength(6),
      WAIT,
    );
    await vi.waitFor(() => expect(sounds).toBe(6), WAIT);
    const times = [...new Set(packets.map(({ header }) => header.timestamp))];
    expect(times.slice(1).map((time, i) => (time - (times[i] ?? 0)) >>> 0)).toEqual(
      Array.from({ length: 5 }, () => 3_600),
    );
    expect(viewer.stats()).toMatchObject({ dropped: 1, nacks: 0, retransmitted: 0 });
  },
);

it("reports the wall clock from the beginning", async () => {
  const { client } = await connected();
  const late: number[] = [];
  client.peer.dtlsTransports[0]?.onRtcp.subscribe((packet) => {
    if (!(packet instanceof RtcpSrPacket)) return;
    const { ntpTimestamp } = packet.senderInfo;
    const seconds = Number(ntpTimestamp >> 32n) + Number(ntpTimestamp & 0xffff_ffffn) / 2 ** 32;
    late.push(Date.now() - (seconds - 2_208_988_800) * 1000);
  });
  await vi.waitFor(() => expect(late.length).toBeGreaterThanOrEqual(6), WAIT);
  // What is above nothing is the time of the way; below it there is only the clock's own grain.
  expect(Math.min(...late)).toBeGreaterThan(-2);
  expect(Math.min(...late)).toBeLessThan(5);
});

it("asks for a key picture when the viewer does, and when a missed packet is gone", async () => {
  const { client, told, viewer } = await connected();
  const [key] = await pictures("h264", 1);
  if (key === undefined) throw new Error("no pictures");
  const packets: RtpPacket[] = [];
  client.video.receiver.track.onReceiveRtp.subscribe((packet) => packets.push(packet));
  viewer.sendVideo({ codec: "h264", pts: as(0), ...key });
  await vi.waitFor(() => expect(packets.length).toBeGreaterThan(0), WAIT);
  const ssrc = packets[0]?.header.ssrc ?? 0;
  await client.video.receiver.sendRtcpPLI(ssrc);
  await vi.waitFor(() => expect(told.keyframeWanted).toHaveBeenCalledOnce(), WAIT);
  expect(viewer.stats().plis).toBe(1);
});

it("notices that the client left, and tells the client when it leaves itself", async () => {
  const first = await connected();
  await vi.waitFor(() => expect(first.told.opened).toHaveBeenCalled(), WAIT);
  first.viewer.close();
  expect(first.told.closed).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(first.client.control?.readyState).toBe("closed"), WAIT);
  first.viewer.send({ type: "session.resumed" } as never);
  first.viewer.sendSound({ pts: as(0), data: Uint8Array.of(1) });
});

it("goes on after a restart of ICE", async () => {
  const { client, told, viewer } = await connected();
  await vi.waitFor(() => expect(told.opened).toHaveBeenCalled(), WAIT);
  await client.peer.setLocalDescription(await client.peer.createOffer({ iceRestart: true }));
  const offer = client.peer.localDescription?.sdp ?? "";
  const lines = offer.match(/^a=(ice-ufrag|ice-pwd|candidate).*$/gm) ?? [];
  const fragment = await viewer.restart(lines.join("\r\n"));
  const [ufrag = ""] = fragment.match(/(?<=a=ice-ufrag:).*/) ?? [];
  const [password = ""] = fragment.match(/(?<=a=ice-pwd:).*/) ?? [];
  expect(viewer.answerSdp).not.toContain(ufrag);
  const answer = viewer.answerSdp
    .replaceAll(/a=ice-ufrag:.*/g, `a=ice-ufrag:${ufrag}`)
    .replaceAll(/a=ice-pwd:.*/g, `a=ice-pwd:${password}`)
    .replaceAll(/(?<=a=candidate:.*) generation .*/g, "");
  await client.accept(answer);
  await vi.waitFor(() => {
    client.control?.send(JSON.stringify({ type: "session.ping" }));
    expect(told.message).toHaveBeenCalled();
  }, WAIT);
  await expect(viewer.restart(lines.join("\r\n"))).rejects.toMatchObject({ code: "bad_request" });
  await expect(
    viewer.addCandidates("a=ice-ufrag:other\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa"),
  ).rejects.toMatchObject({ code: "state_conflict" });
});

it("receives a publisher's pictures and sound", async () => {
  const client = new RtcClient({ direction: "sendonly", channels: false });
  const seen: IncomingVideo[] = [];
  let sounds = 0;
  const handlers = {
    connected: vi.fn(),
    closed: vi.fn(),
    video: (picture: IncomingVideo) => seen.push(picture),
  };
  const sound = () => {
    sounds += 1;
  };
  const receiver = await RtcReceiver.answer(await client.offer(), OPTIONS, { ...handlers, sound });
  closers.push(
    () => receiver.close(),
    () => client.close(),
  );
  expect(receiver.answerSdp.match(/^a=recvonly\r$/gm)).toHaveLength(2);
  await client.accept(receiver.answerSdp);
  await vi.waitFor(() => expect(handlers.connected).toHaveBeenCalled(), WAIT);
  await vi.waitFor(() => expect(client.peer.connectionState).toBe("connected"), WAIT);
  const made = await pictures("h264", 4);
  let sequence = 65_530;
  const packets = made.flatMap(({ data }, i) =>
    packetiseH264(data, 1_000).map((payload, at, all) => {
      sequence = (sequence + 1) & 0xffff;
      const marker = at === all.length - 1;
      const header = new RtpHeader({ sequenceNumber: sequence, timestamp: i * 3_000, marker });
      return new RtpPacket(header, Buffer.from(payload));
    }),
  );
  // Two that overtook one another.
  [packets[1], packets[2]] = [packets[2], packets[1]] as [RtpPacket, RtpPacket];
  for (const packet of packets) await client.video.sender.sendRtp(packet);
  const header = new RtpHeader({ sequenceNumber: 1, timestamp: 0 });
  await client.audio.sender.sendRtp(new RtpPacket(header, Buffer.of(1, 2, 3)));
  await vi.waitFor(() => expect(seen).toHaveLength(4), WAIT);
  expect(seen.map(({ key }) => key)).toEqual([true, false, false, false]);
  expect(Buffer.from(seen[3]?.data ?? []).subarray(-50)).toEqual(
    Buffer.from(made[3]?.data ?? []).subarray(-50),
  );
  await vi.waitFor(() => expect(sounds).toBe(1), WAIT);
});

it("leaves no socket and no timer behind", { timeout: 120_000 }, async () => {
  const held = () =>
    process.getActiveResourcesInfo().filter((kind) => /UDP|Timeout/.test(kind)).length;
  const cycle = async (isConnecting: boolean) => {
    const client = new RtcClient({ channels: isConnecting });
    const told = listener();
    const viewer = await RtcViewer.answer(await client.offer(), OPTIONS, told);
    if (isConnecting) {
      await client.accept(viewer.answerSdp);
      await vi.waitFor(() => expect(told.opened).toHaveBeenCalled(), WAIT);
    }
    viewer.close();
    await client.close();
    expect(told.closed).toHaveBeenCalledOnce();
  };
  await cycle(true);
  const before = held();
  for (let i = 0; i < 100; i++) await cycle(i % 4 === 0);
  await vi.waitFor(() => expect(held()).toBeLessThanOrEqual(before), WAIT);
});

/** A clock that runs five times as fast as the others' ones. */
const hasty: Clock = {
  now: () => as(5 * systemClock.now()),
  sleep: (duration, signal) => systemClock.sleep(as(duration / 5), signal),
};

it("keeps a viewer that answers, and lets go of one that is silent before its consent runs out", async () => {
  const { client, told, viewer } = await connected({}, { clock: hasty });
  const [picture] = await pictures("h264", 1);
  const began = hasty.now();
  const show = setInterval(() => {
    if (picture === undefined) return;
    const pts = as<Micros>(Math.round(1000 * (hasty.now() - began)));
    viewer.sendVideo({ ...picture, codec: "h264", key: true, pts });
  }, 50);
  closers.push(() => clearInterval(show));
  await systemClock.sleep(as(5_000));
  expect(told.closed).not.toHaveBeenCalled();

  for (const { connection } of client.peer.iceTransports) await connection.close();

  await vi.waitFor(() => expect(told.closed).toHaveBeenCalledOnce(), WAIT);
  const [reason, silent] = told.closed.mock.calls[0] ?? [];
  expect(reason).toBe("the peer gave no sign of life");
  expect(silent).toBeGreaterThanOrEqual(15_000);
  expect(silent).toBeLessThan(30_000);
});
