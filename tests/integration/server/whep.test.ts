import { afterAll, beforeAll, expect, test } from "vitest";
import { StreamError } from "../../../src/core/errors.ts";
import { as } from "../../../src/core/units.ts";
import { parseIceServer } from "../../../src/server/ice-servers.ts";
import type {
  AnswerViewer,
  RtcHandlers,
  RtcStats,
} from "../../../src/transport/webrtc/contract.ts";
import { candidateAt, offerOf, VIDEO } from "../../support/offers.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

const SERVER_TOKEN = "the-token-of-the-server";
const ORIGIN = "https://player.example";
const TURN = "turn:turn.example:3478?user=me&credential=a%22b";
const SDP = { "content-type": "application/sdp" };
const FRAGMENT_TYPE = "application/trickle-ice-sdpfrag";

const NO_STATS: RtcStats = {
  loss: 0,
  packets: 0,
  bytes: as(0),
  retransmitted: 0,
  nacks: 0,
  plis: 0,
  dropped: 0,
  estimate: as(0),
  sending: as(0),
};

/** A transport without a network, whose connections a test can look at and end. */
const connections: {
  readonly offer: string;
  readonly handlers: RtcHandlers;
  readonly said: string[];
}[] = [];
const answerViewer: AnswerViewer = (offer, _options, handlers) => {
  const said: string[] = [];
  const connection = { offer, handlers, said };
  connections.push(connection);
  const close = () => {
    const at = connections.indexOf(connection);
    if (at === -1) return;
    connections.splice(at, 1);
    handlers.closed("closed", as(0));
  };
  const ignore = () => undefined;
  return Promise.resolve({
    answerSdp: "v=0\r\n",
    codec: "vp8",
    hasSound: true,
    sendVideo: ignore,
    sendSound: ignore,
    send: ignore,
    sendError: ignore,
    addCandidates: (fragment: string) => {
      said.push(fragment);
      return Promise.resolve();
    },
    restart: (fragment: string) => {
      said.push(fragment);
      return Promise.resolve("a=ice-ufrag:serv\r\n");
    },
    stats: () => NO_STATS,
    close,
  });
};

const engine = pictureEngine({ width: 32, height: 32 }, 30);
let service: Service;
let session: { id: string; token: string; viewer_token: string };
let whep: string;

const asServerUser = { authorization: `Bearer ${SERVER_TOKEN}` };

const openSession = async () => {
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { ...asServerUser, "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable" }),
  });
  return (await created.json()) as typeof session;
};

beforeAll(async () => {
  service = await Service.start({
    startEngine: engine.start,
    answerViewer,
    config: {
      token: SERVER_TOKEN,
      origins: [ORIGIN],
      viewers: 5,
      ice: ["stun:stun.example", TURN],
    },
  });
  session = await openSession();
  whep = `/v1/sessions/${session.id}/whep`;
});

afterAll(() => service[Symbol.asyncDispose]());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (body: string, headers: Record<string, string> = {}, path = whep) =>
  service.fetch(path, {
    method: "POST",
    body,
    headers: { ...bearer(session.token), ...SDP, ...headers },
  });
const remove = (path: string) =>
  service.fetch(path, { method: "DELETE", headers: bearer(session.token) });

/** A viewer's resource, gone when the test is over. */
async function viewer() {
  const answer = await post(offerOf());
  const path = answer.headers.get("location") ?? "";
  return {
    path,
    etag: answer.headers.get("etag") ?? "",
    connection: connections.at(-1),
    [Symbol.asyncDispose]: async () => {
      await remove(path);
    },
  };
}

const fragmentOf = (ufrag: string, ...lines: string[]): string =>
  [`a=ice-ufrag:${ufrag}`, "a=ice-pwd:0123456789abcdefghijKL", ...lines, ""].join("\r\n");

const patch = (path: string, ifMatch: string | undefined, body: string) =>
  service.fetch(path, {
    method: "PATCH",
    body,
    headers: {
      ...bearer(session.token),
      "content-type": FRAGMENT_TYPE,
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
    },
  });

test("an offer is answered with a resource of its own, which DELETE ends", async () => {
  const answer = await post(offerOf());
  const location = answer.headers.get("location") ?? "";

  expect(answer.status).toBe(201);
  expect(answer.headers.get("content-type")).toBe("application/sdp");
  expect(await answer.text()).toBe("v=0\r\n");
  expect(answer.headers.get("etag")).toMatch(/^"[\w-]+"$/);
  expect(answer.headers.get("accept-patch")).toBe(FRAGMENT_TYPE);
  expect(location).toMatch(new RegExp(`^${whep}/[\\w-]{16}$`));
  expect(answer.headers.get("link")).toBe(
    '<stun:stun.example>; rel="ice-server", <turn:turn.example:3478>; rel="ice-server"; ' +
      'username="me"; credential="a\\"b"; credential-type="password"',
  );
  expect((await remove(location)).status).toBe(200);
  expect((await remove(location)).status).toBe(404);
  expect(connections).toHaveLength(0);
});

test("the token of the session is the credential, on every request", async () => {
  await using it = await viewer();

  for (const path of [whep, it.path]) {
    for (const [method, body] of [
      ["POST", offerOf()],
      ["PATCH", fragmentOf("aB3+")],
      ["GET", undefined],
      ["DELETE", undefined],
    ] as const) {
      if ((path === whep) !== (method === "POST") && method !== "GET") continue;
      for (const headers of [{}, asServerUser, bearer("x".repeat(43))]) {
        const { status, headers: said } = await service.fetch(path, {
          method,
          headers: { ...headers, ...(body !== undefined && SDP) },
          ...(body !== undefined && { body }),
        });
        expect([method, path === whep, status]).toEqual([method, path === whep, 401]);
        expect(said.get("www-authenticate")).toContain("Bearer");
      }
    }
  }
  expect((await post(offerOf(), bearer(session.viewer_token))).status).toBe(201);
  connections.at(-1)?.handlers.closed("gone", as(0));
  connections.pop();
});

test("the other paths still ask for the token of the server", async () => {
  for (const path of ["/v1/sessions", `/v1/sessions/${session.id}`, `${whep}/a/b`]) {
    expect((await service.fetch(path, { headers: bearer(session.token) })).status).toBe(401);
  }
});

test.each([
  ["another type", () => post(offerOf(), { "content-type": "application/json" }), 415],
  ["a fragment's type", () => post(offerOf(), { "content-type": FRAGMENT_TYPE }), 415],
  ["nothing", () => post(""), 400],
  ["no SDP", () => post("hello"), 400],
  ["no codec of ours", () => post(offerOf({ video: [] }).replace("opus", "pcma")), 406],
  ["an unknown delay", () => post(offerOf(), {}, `${whep}?delay=none`), 422],
  ["a bitrate of nothing", () => post(offerOf(), {}, `${whep}?bitrate=1`), 422],
  ["two bitrates", () => post(offerOf(), {}, `${whep}?bitrate=500000&bitrate=600000`), 422],
  ["an unknown session", () => post(offerOf(), {}, "/v1/sessions/none/whep"), 404],
  [
    "50,000 candidates",
    () => post(offerOf({ candidates: Array<string>(50_000).fill(candidateAt("8.8.8.8")) })),
    413,
  ],
  [
    "65 candidates",
    () => post(offerOf({ candidates: Array<string>(65).fill(candidateAt("8.8.8.8")) })),
    400,
  ],
  [
    "500 media sections",
    () => post(offerOf() + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(500)),
    400,
  ],
  ["no fingerprint", () => post(offerOf().replaceAll(/a=fingerprint.*\r\n/g, "")), 400],
  [
    "a target that is everybody",
    () => post(offerOf({ candidates: [candidateAt("224.0.0.1")] })),
    400,
  ],
  ["1 MB", () => post("v=0\r\n".repeat(200_000)), 413],
])("%s is refused, and nothing was made for it", async (_what, ask, status) => {
  const answer = await ask();

  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ error: { recovery: "refuse" } });
  expect(connections).toHaveLength(0);
});

test("what is handed on has no line that the server does not know, and no target it does not serve", async () => {
  const candidates = ["127.0.0.1", "10.1.1.1", "4f2d.local"].map((address) => candidateAt(address));
  await post(`${offerOf({ candidates, video: VIDEO })}a=x-evil:1\r\n`);
  const { offer, handlers } = connections.pop() ?? { offer: "" };

  expect(offer.match(/a=candidate.*/g)).toEqual([`a=${candidateAt("127.0.0.1")}`]);
  expect(offer).not.toContain("x-evil");
  handlers?.closed("gone", as(0));
});

test("candidates come with the ETag", async () => {
  await using it = await viewer();
  const fragment = fragmentOf(
    "aB3+",
    "m=audio 9 UDP/TLS/RTP/SAVPF 0",
    "a=mid:0",
    `a=${candidateAt("127.0.0.1")}`,
  );

  expect((await patch(it.path, undefined, fragment)).status).toBe(428);
  expect((await patch(it.path, '"other"', fragment)).status).toBe(412);
  expect((await patch(it.path, `W/${it.etag}`, fragment)).status).toBe(412);
  expect((await patch(it.path, it.etag, fragmentOf("older"))).status).toBe(409);
  expect((await patch(it.path, it.etag, "a=mid:0")).status).toBe(400);
  expect(
    (await patch(it.path, it.etag, fragmentOf("aB3+", `a=${candidateAt("0.0.0.0")}`))).status,
  ).toBe(400);
  expect((await post(fragment, {}, it.path)).status).toBe(404);
  const answer = await patch(it.path, it.etag, fragment);
  expect([answer.status, answer.headers.get("etag")]).toEqual([204, null]);
  expect((await patch(it.path, `"x", ${it.etag}`, fragment)).status).toBe(204);
  expect(it.connection?.said).toEqual([fragment, fragment]);
});

test("a restart brings new credentials, a new ETag, and makes the old one stale", async () => {
  await using it = await viewer();

  const answer = await patch(it.path, "*", fragmentOf("next"));
  const etag = answer.headers.get("etag") ?? "";

  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe(FRAGMENT_TYPE);
  expect(await answer.text()).toContain("ice-ufrag");
  expect(etag).not.toBe(it.etag);
  expect((await patch(it.path, it.etag, fragmentOf("next"))).status).toBe(412);
  expect((await patch(it.path, etag, fragmentOf("next"))).status).toBe(204);
  expect((await patch(it.path, "*", fragmentOf("aB3+"))).status).toBe(409);
  const read = await service.fetch(it.path, { headers: bearer(session.token) });
  expect([read.status, read.headers.get("etag")]).toEqual([204, etag]);
});

test("a fragment of another type, and one that is too large, are refused", async () => {
  await using it = await viewer();
  const send = (type: string, body: string) =>
    service.fetch(it.path, {
      method: "PATCH",
      body,
      headers: { ...bearer(session.token), "content-type": type, "if-match": it.etag },
    });

  expect((await send("application/sdp", fragmentOf("aB3+"))).status).toBe(415);
  expect((await send("application/json", "{}")).status).toBe(415);
  expect((await send(FRAGMENT_TYPE, "a".repeat(70_000))).status).toBe(413);
});

test("candidates and restarts are bounded", async () => {
  await using it = await viewer();
  const many = fragmentOf("aB3+", ...Array<string>(64).fill(`a=${candidateAt("127.0.0.1")}`));
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await patch(it.path, it.etag, many)).status);
  expect(statuses).toEqual([204, 204, 204, 204, 429]);

  for (let i = 0; i < 32; i++) await patch(it.path, "*", fragmentOf(`ice${i}x`));
  expect((await patch(it.path, "*", fragmentOf("again"))).status).toBe(429);
});

test("a preflight needs no token and says what is understood", async () => {
  const answer = await service.fetch(whep, {
    method: "OPTIONS",
    headers: { origin: ORIGIN, "access-control-request-method": "POST" },
  });

  expect(answer.status).toBe(204);
  expect(answer.headers.get("accept-post")).toBe("application/sdp");
  expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  expect(answer.headers.get("access-control-allow-headers")).toContain("if-match");
  expect(answer.headers.get("access-control-allow-methods")).toContain("PATCH");
  for (const name of ["location", "etag", "link"]) {
    expect(answer.headers.get("access-control-expose-headers")).toContain(name);
  }
  expect(
    (await service.fetch(whep, { method: "OPTIONS" })).headers.get("access-control-allow-origin"),
  ).toBe(null);
});

test("beyond the server's limit viewers are told to come back", async () => {
  const paths = [];
  for (let i = 0; i < 5; i++) paths.push((await post(offerOf())).headers.get("location") ?? "");

  const full = await post(offerOf());

  expect(full.status).toBe(503);
  expect(Number(full.headers.get("retry-after"))).toBeGreaterThan(0);
  for (const path of paths) expect((await remove(path)).status).toBe(200);
});

test("a resource belongs to its session, and ends with it", async () => {
  const other = await openSession();
  await using mine = await viewer();
  const path = mine.path.replace(session.id, other.id);
  const asOther = { method: "DELETE", headers: bearer(other.token) };
  expect((await service.fetch(path, asOther)).status).toBe(404);
  const theirs = await post(offerOf(), bearer(other.token), `/v1/sessions/${other.id}/whep`);
  expect(connections).toHaveLength(2);

  await service.fetch(`/v1/sessions/${other.id}`, { method: "DELETE", headers: asServerUser });

  await until(() => connections.length === 1, "the viewer to be gone");
  expect((await service.fetch(theirs.headers.get("location") ?? "", asOther)).status).toBe(404);
});

test("a client that vanished leaves nothing", async () => {
  const it = await viewer();

  it.connection?.handlers.closed("no consent", as(0));
  connections.pop();

  expect((await remove(it.path)).status).toBe(404);
});

test("100 viewers come and go, and nothing is left", async () => {
  for (let i = 0; i < 100; i++) {
    const { path } = await viewer();
    expect((await remove(path)).status).toBe(200);
  }

  expect(connections).toHaveLength(0);
  const described = await service.fetch(`/v1/sessions/${session.id}`, { headers: asServerUser });
  expect(await described.json()).toMatchObject({ viewers: 0 });
});

test.each([
  ["stun:stun.example", { urls: "stun:stun.example" }],
  ["stun:[2001:db8::1]:3478", { urls: "stun:[2001:db8::1]:3478" }],
  [
    "turns:turn.example:5349?transport=tcp&user=me&credential=x%2Cy",
    { urls: "turns:turn.example:5349?transport=tcp", username: "me", credential: "x,y" },
  ],
])("%s is an ICE server", (text, server) => {
  expect(parseIceServer(text)).toEqual(server);
});

test.each([
  "",
  "stun:",
  "http://x",
  "turn:x",
  "turn:x?user=a",
  "stun:x?user=a&credential=b",
  "stun:a b",
  "turn:x?user=%0a&credential=b",
])("%j is no ICE server", (text) => {
  expect(() => parseIceServer(text)).toThrow(StreamError);
});
