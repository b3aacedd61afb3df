import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { StreamError } from "../../../src/core/errors.ts";
import type { ClientMessage } from "../../../src/protocol/messages.ts";
import { WebSocketEndpoint } from "../../../src/transport/websocket/endpoint.ts";
import type { Peer } from "../../../src/transport/websocket/peer.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { until } from "../../support/service.ts";

const PATH = "/socket";

/** An endpoint with one client, and what its peer was told. */
async function meet() {
  const server = createServer();
  const clock = new ManualClock();
  const heard = { messages: [] as ClientMessage[], errors: [] as StreamError[], closed: 0 };
  const peers: Peer[] = [];
  const endpoint = new WebSocketEndpoint(server, {
    path: PATH,
    clock,
    admit: () => undefined,
    accept: (peer) => {
      peers.push(peer);
      return {
        message: (message) => void heard.messages.push(message),
        refused: (error) => void heard.errors.push(error),
        closed: () => {
          heard.closed += 1;
        },
      };
    },
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}${PATH}`, ["zoetrope.v1"]);
  client.on("error", () => undefined);
  const said: string[] = [];
  client.on("message", (data: Buffer) => said.push(data.toString()));
  await once(client, "open");
  await until(() => peers.length === 1, "the peer");
  onTestFinished(() => {
    client.terminate();
    endpoint.close();
    server.close();
  });
  return { clock, heard, endpoint, client, said, peer: peers[0] as Peer };
}

test("messages come validated, refusals are told to both sides", async () => {
  const { client, heard, said } = await meet();

  client.send('{"type":"session.ping","event_id":"a"}');
  client.send('{"type":"session.ping","event_id":"b","x":1}');

  await until(() => said.length === 1, "the refusal");
  expect(heard.messages).toEqual([{ type: "session.ping", event_id: "a" }]);
  expect(heard.errors.map(({ code }) => code)).toEqual(["bad_parameter"]);
  expect(JSON.parse(said[0] ?? "")).toMatchObject({
    type: "error",
    event_id: "b",
    error: { code: "bad_parameter", detail: { path: "" } },
  });
});

test("a client that does not read is cut off before its messages fill the memory", async () => {
  const { client, peer, heard } = await meet();
  client.pause();
  let most = 0;

  await until(() => {
    for (let i = 0; i < 50; i++) peer.send({ type: "session.pong", event_id: "x".repeat(2_000) });
    most = Math.max(most, peer.bufferedBytes);
    return heard.closed === 1;
  }, "the cut");

  expect(most).toBeLessThan(1_500_000 + 5_000);
});

test("a client from which nothing comes is asked, and cut off when it stays silent", async () => {
  const { clock, client, heard } = await meet();
  let pings = 0;
  client.on("ping", () => (pings += 1));
  await clock.advance(5_000);
  await until(() => pings === 1, "a ping");
  client.pause();

  for (let i = 0; i < 5; i++) await clock.advance(5_000);

  await until(() => heard.closed === 1, "the cut");
});

test("after a goodbye nothing is delivered, and a client that does not answer it is cut off", async () => {
  const { clock, client, peer, heard } = await meet();
  client.pause();

  peer.close(1000, "enough");
  client.send('{"type":"session.ping"}');
  await clock.advance(2_100);

  await until(() => heard.closed === 1, "the cut");
  expect(heard.messages).toEqual([]);
});

test.each(["short", "ö".repeat(61), "ö".repeat(200), "x".repeat(500)])(
  "a reason of any length fits into a close (%j)",
  async (reason) => {
    const { client, peer } = await meet();

    peer.close(1008, reason);

    const [code, told] = (await once(client, "close")) as [number, Buffer];
    expect(code).toBe(1008);
    expect(told.byteLength).toBeLessThanOrEqual(123);
    expect(reason.startsWith(told.toString().replace("…", ""))).toBe(true);
  },
);

test("a goodbye to all settles when the last one is gone", async () => {
  const { endpoint, client } = await meet();
  const closed = once(client, "close");

  await endpoint.goodbye("closing");

  expect(endpoint.peers).toBe(0);
  expect(((await closed) as [number])[0]).toBe(1001);
});
