import { afterAll, beforeAll, expect, test } from "vitest";
import { offerOf } from "../../support/offers.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";
import { WishClient } from "../../support/wish-client.ts";

const engine = pictureEngine({ width: 64, height: 64 }, 30);
let service: Service;
let session: { id: string; token: string; viewer_token: string };
let whep: string;

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start });
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
  });
  session = (await created.json()) as typeof session;
  whep = `/v1/sessions/${session.id}/whep`;
});

afterAll(() => service[Symbol.asyncDispose]());

const bearer = () => ({ authorization: `Bearer ${session.token}` });
const remove = (path: string) => service.fetch(path, { method: "DELETE", headers: bearer() });
const isThere = async (path: string) =>
  (await service.fetch(path, { headers: bearer() })).status === 204;

const call = (client: WishClient, token = session.token) =>
  client.call(new URL(whep, service.address), token);

/** Offer without ever connecting; the resource's path. */
async function offer(): Promise<string> {
  const answer = await service.fetch(whep, {
    method: "POST",
    headers: { ...bearer(), "content-type": "application/sdp" },
    body: offerOf(),
  });
  expect(answer.status).toBe(201);
  return answer.headers.get("location") ?? "";
}

const viewers = async (): Promise<number> => {
  const answer = await service.fetch(`/v1/sessions/${session.id}`);
  return ((await answer.json()) as { viewers: number }).viewers;
};

const sockets = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "UDPWrap").length;

test.each(["h264", "vp8"] as const)("a foreign player gets %s, sound and events", async (codec) => {
  await using client = new WishClient({ codec });

  const answer = await call(client);

  expect(answer.status).toBe(201);
  await until(() => client.came.video > 20 && client.came.audio > 20, "pictures and sound");
  await until(() => client.events.some((event) => event.includes("media.config")), "events");
  expect((await remove(client.location)).status).toBe(200);
  expect(await viewers()).toBe(0);
});

test("many watch at once, those who steer and those who only watch", async () => {
  const clients = [1, 2, 3].map(() => new WishClient({ codec: "vp8" }));
  for (const client of clients) await call(client, session.viewer_token);

  await until(() => clients.every(({ came }) => came.video > 10), "pictures for all");
  expect(await viewers()).toBe(3);
  for (const client of clients) {
    await remove(client.location);
    await client.close();
  }
  expect(await viewers()).toBe(0);
});

test("ICE restarts with new credentials of the server's", async () => {
  await using client = new WishClient({ codec: "vp8" });
  const answer = await call(client);
  const [before] = /a=ice-ufrag:\S+/.exec(await answer.text()) ?? [];

  const restarted = await service.fetch(client.location, {
    method: "PATCH",
    headers: {
      ...bearer(),
      "if-match": "*",
      "content-type": "application/trickle-ice-sdpfrag",
    },
    body: "a=ice-ufrag:next\r\na=ice-pwd:0123456789abcdefghijKL\r\n",
  });

  expect(restarted.status).toBe(200);
  expect(restarted.headers.get("etag")).not.toBe(client.etag);
  const fragment = await restarted.text();
  expect(fragment).toMatch(/a=candidate:/);
  expect(fragment).toMatch(/a=ice-ufrag:/);
  expect(fragment).not.toContain(before);
  await remove(client.location);
});

test("100 viewers come and go, and no socket is left", async () => {
  await remove(await offer());
  await until(() => sockets() === 0, "the sockets to be closed");

  for (let i = 0; i < 100; i++) await remove(await offer());

  await until(() => sockets() === 0, "the sockets to be closed");
  expect(await viewers()).toBe(0);
});

test("a viewer that vanished, and one that never came, are forgotten", {
  timeout: 90_000,
}, async () => {
  await using client = new WishClient({ codec: "vp8" });
  await call(client);
  await until(() => client.came.video > 0, "pictures");
  const paths = [client.location, await offer()];

  await client.vanish();

  for (const path of paths) {
    while (await isThere(path)) await new Promise((resolve) => setTimeout(resolve, 250));
  }
  expect(await viewers()).toBe(0);
});
