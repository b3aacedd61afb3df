/** The ladder of bitrates over WebRTC: each viewer stands on its own rung, and is told when it is another one. */

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { ServerEvent } from "../../../src/protocol/events.ts";
import type {
  AnswerViewer,
  OutgoingVideo,
  RtcHandlers,
  RtcStats,
} from "../../../src/transport/webrtc/contract.ts";
import { offerOf } from "../../support/offers.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

const FRAME = 33_333;
const NO_STATS: RtcStats = {
  ...{ loss: 0, packets: 0, retransmitted: 0, nacks: 0, plis: 0, dropped: 0 },
  ...{ bytes: as(0), estimate: as(0), sending: as(0) },
};

/** A viewer without a network: what it was sent, and what its connection may tell. */
interface Watcher {
  readonly handlers: RtcHandlers;
  readonly pictures: OutgoingVideo[];
  readonly events: ServerEvent[];
}

const watchers: Watcher[] = [];
const answerViewer: AnswerViewer = (_offer, _options, handlers) => {
  const watcher: Watcher = { handlers, pictures: [], events: [] };
  watchers.push(watcher);
  const ignore = () => undefined;
  return Promise.resolve({
    ...{ answerSdp: "v=0\r\n", codec: "h264", hasSound: false },
    sendVideo: (picture: OutgoingVideo) => watcher.pictures.push(picture),
    sendSound: ignore,
    send: (event: ServerEvent) => watcher.events.push(event),
    sendError: ignore,
    addCandidates: () => Promise.resolve(),
    restart: () => Promise.resolve(""),
    stats: () => NO_STATS,
    close: () => handlers.closed("closed", as(0)),
  });
};

const engine = pictureEngine({ width: 64, height: 64 }, 30);
let service: Service;
let session: { id: string; viewer_token: string };

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start, answerViewer });
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable" }),
  });
  session = (await created.json()) as typeof session;
});

afterEach(() => {
  for (const { handlers } of watchers.splice(0)) handlers.closed("gone", as(0));
});

afterAll(() => service[Symbol.asyncDispose]());

/** A viewer that is connected, and to whom pictures go. */
async function watch(): Promise<Watcher> {
  const answer = await service.fetch(`/v1/sessions/${session.id}/whep?bitrate=1600000`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${session.viewer_token}`,
      "content-type": "application/sdp",
    },
    body: offerOf(),
  });
  expect(answer.status).toBe(201);
  const watcher = watchers.at(-1);
  if (watcher === undefined) throw new Error("nobody was answered");
  watcher.handlers.connected();
  watcher.handlers.opened();
  await until(() => watcher.pictures.length > 0, "pictures");
  return watcher;
}

const changes = ({ events }: Watcher) => events.filter((event) => event.type === "quality.changed");

test("a viewer whose connection carries less steps down alone, at a key packet, and is told", async () => {
  const [narrow, wide] = [await watch(), await watch()];

  narrow.handlers.rateChanged(700_000);

  expect(changes(narrow)).toMatchObject([{ bitrate: 400_000, reason: "bandwidth" }]);
  const before = narrow.pictures.length;
  await until(() => narrow.pictures.slice(before).some(({ key }) => key), "the other encoding");
  await until(() => wide.pictures.length > 60 && narrow.pictures.length > 60, "more pictures");
  expect(changes(wide)).toEqual([]);
  for (const { pictures } of [narrow, wide]) {
    const steps = pictures.slice(1).map(({ pts }, i) => pts - (pictures[i]?.pts ?? 0));
    for (const step of steps) expect(Math.abs(step - FRAME)).toBeLessThanOrEqual(1);
  }
  // They get the same packets no more, only pictures of the same time.
  const last = narrow.pictures.at(-1);
  const twin = wide.pictures.find(({ pts }) => pts === last?.pts);
  expect(twin?.data === last?.data).toBe(false);
});

test("a viewer whose connection carries more again steps up a rung at a time, and is told", async () => {
  const watcher = await watch();
  watcher.handlers.rateChanged(300_000);
  expect(changes(watcher)).toMatchObject([{ bitrate: 200_000 }]);

  await until(() => {
    watcher.handlers.rateChanged(10_000_000);
    return changes(watcher).length === 3;
  }, "two steps up");

  expect(changes(watcher).slice(1)).toMatchObject([
    { bitrate: 400_000, reason: "recovered" },
    { bitrate: 800_000, reason: "recovered" },
  ]);
});

test("for whoever joins late a key packet is made, and the packets are those that the others get", async () => {
  const first = await watch();
  await until(() => first.pictures.length > 20, "pictures");

  const late = await watch();

  await until(() => late.pictures.some(({ key }) => key), "a key packet");
  await until(() => late.pictures.length > 20, "more pictures");
  const same = late.pictures.map(
    ({ pts, data }) => first.pictures.find((picture) => picture.pts === pts)?.data === data,
  );
  expect(same).not.toContain(false);
});

test("how long each viewer waited for its first picture is counted, once", async () => {
  const counted = async () => {
    const metrics = await (await service.fetch("/metrics")).text();
    return Number(/^zoetrope_session_first_frame_seconds_count (\d+)$/m.exec(metrics)?.[1]);
  };
  const before = await counted();

  const watcher = await watch();
  await until(() => watcher.pictures.some(({ key }) => key), "a key packet");
  watcher.handlers.keyframeWanted();
  await until(() => watcher.pictures.filter(({ key }) => key).length > 1, "another");

  expect(await counted()).toBe(before + 1);
});
