import { expect, onTestFinished, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Client, Service } from "../../support/service.ts";

const TOKEN = "a-secret-of-some-length";

const serve = async (config: Readonly<Record<string, unknown>> = {}) => {
  const { start } = pictureEngine({ width: 32, height: 32 }, 30);
  const service = await Service.start({ startEngine: start, config });
  onTestFinished(() => service[Symbol.asyncDispose]());
  return service;
};

/** Whether a client that sends these headers gets a WebSocket, or which status instead. */
const handshake = (
  url: URL,
  headers: Record<string, string>,
  protocols?: string[],
): Promise<number> =>
  new Promise((resolve) => {
    const { socket } = new Client(url, { headers, ...(protocols && { protocols }) });
    socket.once("unexpected-response", (_request, response) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.once("open", () => {
      resolve(101);
      socket.terminate();
    });
  });

test("a page of the server's own origin connects; pages of others do not", async () => {
  const { address, socket } = await serve();
  const { port } = address;

  expect(await handshake(socket, {})).toBe(101);
  expect(await handshake(socket, { origin: `http://127.0.0.1:${port}` })).toBe(101);
  for (const origin of [
    "http://evil.test",
    "null",
    `http://127.0.0.1:${Number(port) + 1}`,
    `http://127.0.0.1.evil.test:${port}`,
    `http://evil.test#127.0.0.1:${port}`,
    `ftp://127.0.0.1:${port}`,
    `http://127.0.0.1`,
    "",
  ]) {
    expect([origin, await handshake(socket, { origin })]).toEqual([origin, 403]);
  }
});

test("a page whose name was made to point at this machine does not connect", async () => {
  const { address, socket } = await serve();
  const host = `evil.test:${address.port}`;

  expect(await handshake(socket, { host, origin: `http://${host}` })).toBe(421);
});

test("a named origin may use everything, and is told so", async () => {
  const origin = "https://player.example";
  const service = await serve({ origins: [origin] });

  expect(await handshake(service.socket, { origin })).toBe(101);
  const { headers } = await service.fetch("/v1/models", { headers: { origin } });
  expect(headers.get("access-control-allow-origin")).toBe(origin);
  const preflight = await service.fetch("/v1/sessions", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
});

test("other paths and other subprotocols are not WebSockets", async () => {
  const { socket } = await serve();

  expect(await handshake(new URL("/v1/other", socket), {})).toBe(404);
  expect(await handshake(socket, {}, ["chat.v1"])).toBe(400);
  expect(await handshake(new URL("?x=1", socket), {}, ["chat.v1", "zoetrope.v1"])).toBe(101);
});

test("with a token nothing but health is answered without it", async () => {
  const service = await serve({ token: TOKEN });
  const authorization = `Bearer ${TOKEN}`;

  expect((await service.fetch("/healthz")).status).toBe(200);
  expect((await service.fetch("/readyz")).status).not.toBe(401);
  for (const path of ["/", "/v1/models", "/v1/sessions", "/metrics", "/openapi.json"]) {
    expect((await service.fetch(path)).status).toBe(401);
  }
  const wrong = { authorization: "Bearer another-secret-of-length" };
  expect((await service.fetch("/v1/models", { headers: wrong })).status).toBe(401);
  expect((await service.fetch("/v1/models", { headers: { authorization } })).status).toBe(200);
  expect(await handshake(service.socket, {})).toBe(401);
  expect(await handshake(service.socket, { authorization })).toBe(101);
  expect(await handshake(service.socket, {}, ["zoetrope.v1", `zoetrope.bearer.${TOKEN}`])).toBe(
    101,
  );
});

test("the printed address signs a browser in with a cookie that scripts cannot read", async () => {
  const service = await serve({ token: TOKEN });

  const wrong = await service.fetch("/?token=wrong", { redirect: "manual" });
  const right = await service.fetch(`/?token=${TOKEN}`, { redirect: "manual" });

  expect(wrong.status).toBe(401);
  expect(right.status).toBe(303);
  expect(right.headers.get("location")).toBe("/");
  const cookie = right.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
  const headers = { cookie: cookie.split(";")[0] ?? "" };
  expect((await service.fetch("/v1/models", { headers })).status).toBe(200);
});
