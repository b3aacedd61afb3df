/** The cache over a data channel: a WebRTC viewer without a network asks, a WebSocket client hears. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import { parseClientMessage } from "../../../src/protocol/messages.ts";
import type { AnswerViewer, RtcHandlers } from "../../../src/transport/webrtc/contract.ts";
import { offerOf } from "../../support/offers.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

const none = as<never>(0);
const stats = { loss: 0, packets: 0, retransmitted: 0, nacks: 0, plis: 0, dropped: 0 };
const told: ServerEvent[] = [];
let handlers: RtcHandlers | undefined;

const answerViewer: AnswerViewer = (_offer, _options, given) => {
  handlers = given;
  const ignore = () => undefined;
  return Promise.resolve({
    answerSdp: "v=0\r\n",
    codec: "vp8",
    hasSound: false,
    sendVideo: ignore,
    sendSound: ignore,
    send: (event) => void told.push(event),
    sendError: ignore,
    addCandidates: () => Promise.resolve(),
    restart: () => Promise.resolve(""),
    stats: () => ({ ...stats, bytes: none, estimate: none, sending: none }),
    close: () => given.closed("closed", as(0)),
  });
};

let service: Service;

beforeAll(async () => {
  const engine = pictureEngine({ width: 32, height: 32 }, 30);
  service = await Service.start({ startEngine: engine.start, answerViewer });
});

afterAll(() => service[Symbol.asyncDispose]());

test("a viewer looks at the cache, is told what changes, and is refused to change it", async () => {
  const client = await service.play();
  const { session, viewer_token } = await client.event("session.created");
  await service.fetch(`/v1/sessions/${session}/whep`, {
    method: "POST",
    body: offerOf(),
    headers: { authorization: `Bearer ${viewer_token}`, "content-type": "application/sdp" },
  });
  const say = (message: object) =>
    handlers?.message(parseClientMessage(JSON.stringify(message)), "control");
  handlers?.connected();
  handlers?.opened();

  say({ type: "cache.inspect", event_id: "look" });
  say({ type: "cache.reset", event_id: "no", keep_sinks: false });
  client.send({ type: "cache.configure", event_id: "thin", policy: "thin", window_frames: 9 });
  await until(() => told.some(({ type }) => type === "cache.configured"), "cache.configured");
  await until(() => told.some(({ type }) => type === "cache.stats"), "cache.stats");

  expect(told.find(({ type }) => type === "session.resumed")).toMatchObject({
    cache: { policy: "window" },
  });
  expect(told.find(({ type }) => type === "cache.stats")).toMatchObject({ event_id: "look" });
  expect(told.find(({ type }) => type === "input.rejected")).toMatchObject({
    event_id: "no",
    error: { code: "unauthorized" },
  });
  expect(told.find(({ type }) => type === "cache.configured")).toMatchObject({
    event_ids: ["thin"],
    cache: { policy: "thin", window_frames: 9 },
  });
});
