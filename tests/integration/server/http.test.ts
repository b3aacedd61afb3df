import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TINY_PACKAGES } from "../../support/oracle.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { FIXTURES, Service, until } from "../../support/service.ts";

const engine = pictureEngine({ width: 32, height: 32 }, 30);
let service: Service;

beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start, config: { sessions: 3 } });
});

afterAll(() => service[Symbol.asyncDispose]());

/** One request with exactly this path, which `fetch` would tidy up. */
const raw = (
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = service.address;
    request({ hostname, port, path, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() });
      });
    })
      .on("error", reject)
      .end();
  });

const json = async (path: string, init?: RequestInit) => {
  const response = await service.fetch(path, init);
  return { response, body: (await response.json()) as Record<string, unknown> };
};

const post = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("models are listed with all that a client needs to play them", async () => {
  const { body } = await json("/v1/models");
  const models = body["models"] as { id: string; controls: unknown[]; steps: unknown }[];

  expect(models.map(({ id }) => id)).toEqual(TINY_PACKAGES.toSorted());
  expect(models.find(({ id }) => id === "tiny-separable")).toMatchObject({
    title: "Tiny separable",
    video: { width: 32, height: 32, frame_rate: 30, scaling: "smooth" },
    frames_per_block: 1,
    steps: { default: 2, choices: [1, 2] },
    cache: { window_frames: 15, sink_frames: 1 },
    starts: [{ id: "waves", title: "Waves" }],
    cover: null,
  });
  expect(await json("/v1/models/tiny-separable")).toMatchObject({ body: models[5] });
});

test("the schema of a model's parameters is narrowed to what it can do", async () => {
  const { body } = await json("/v1/models/tiny-separable/schema");

  expect(body["properties"]).toMatchObject({
    steps: { title: "Denoising steps", enum: [1, 2], default: 2 },
    window_frames: { unit: "frames", minimum: 1, maximum: 15 },
    sink_frames: { maximum: 1 },
    seed: { title: "Seed" },
  });
});

test("start pictures are served from the package", async () => {
  const response = await service.fetch("/v1/models/tiny-separable/starts/waves");

  expect(response.headers.get("content-type")).toBe("image/png");
  const picture = Buffer.from(await response.arrayBuffer());
  expect(picture).toEqual(readFileSync(join(FIXTURES, "tiny-separable/starts/waves.png")));
});

test.each([
  ["/v1/models/nothing", 404, "unknown_model"],
  ["/v1/models/..%2f..%2fpackage.json", 404, "unknown_model"],
  ["/v1/models/%2e%2e/schema", 404, "unknown_model"],
  ["/v1/models/tiny-separable/cover", 404, "bad_request"],
  ["/v1/models/tiny-separable/starts/..%2fmanifest.json", 404, "unknown_start"],
  ["/v1/sessions/nobody", 404, "unknown_session"],
  ["/v1/sessions/..%2f..", 404, "unknown_session"],
  ["/../../etc/passwd", 404, "bad_request"],
  ["/v1/nothing", 404, "bad_request"],
  ["/%", 400, "bad_request"],
])("GET %s is refused with a code", async (path, status, code) => {
  const answer = await raw(path);

  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code } });
});

test("no path is answered with anything but a page, JSON or text, and none crashes the server", async () => {
  await fc.assert(
    fc.asyncProperty(fc.webPath(), fc.webQueryParameters(), async (path, query) => {
      const { status } = await raw(`/${path}?${query}`);
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: 100 },
  );
});

test("a session made over HTTP is joined with its secret, listed, changed and ended", async () => {
  const { response, body } = await json(
    "/v1/sessions",
    post({ model: "tiny-separable", parameters: { seed: 5 } }),
  );
  expect(response.status).toBe(201);
  expect(body).toMatchObject({
    model: "tiny-separable",
    state: "detached",
    socket: "/v1/realtime",
  });
  const path = response.headers.get("location") ?? "";
  const id = String(body["id"]);

  const client = await service.connect();
  client.send({ type: "session.resume", session: id, token: String(body["token"]) });
  await client.frames(2);
  const listed = (await json("/v1/sessions")).body["sessions"] as { id: string }[];
  const changed = await json(path, { ...post({ parameters: { steps: 1 } }), method: "PATCH" });
  await client.event("session.updated", ({ parameters }) => parameters.steps === 1);
  const stats = await json(`${path}/stats`);
  const ended = await service.fetch(path, { method: "DELETE" });

  expect(listed.map((each) => each.id)).toContain(id);
  expect(JSON.stringify(listed)).not.toContain(String(body["token"]));
  expect(changed.body["parameters"]).toMatchObject({ steps: 1, seed: 5 });
  expect(stats.body).toMatchObject({ type: "stats.report", session: id });
  expect(ended.status).toBe(204);
  expect((await client.event("session.ended")).reason).toBe("stopped");
  expect((await service.fetch(path)).status).toBe(404);
});

test.each([
  ["a body that is not JSON", { ...post({}), body: "{" }, 400, "bad_request"],
  ["no body", { method: "POST" }, 422, "bad_parameter"],
  ["an unknown key", post({ model: "tiny-separable", x: 1 }), 422, "bad_parameter"],
  ["an unknown model", post({ model: "nothing" }), 404, "unknown_model"],
  ["a path as a model", post({ model: "../x" }), 422, "bad_parameter"],
  ["an unknown start", post({ model: "tiny-separable", start: "x" }), 422, "unknown_start"],
  [
    "a step count it lacks",
    post({ model: "tiny-separable", parameters: { steps: 7 } }),
    422,
    "bad_parameter",
  ],
  ["a body of a megabyte", post({ model: "x".repeat(1_000_000) }), 413, "bad_request"],
])("POST /v1/sessions with %s is refused", async (_title, init, status, code) => {
  const { response, body } = await json("/v1/sessions", init);

  expect(response.status).toBe(status);
  expect(body).toMatchObject({ error: { code } });
});

test("a full server says when to come back", async () => {
  const made: string[] = [];
  let refusal = await json("/v1/sessions", post({ model: "tiny-separable" }));
  while (refusal.response.status === 201) {
    made.push(refusal.response.headers.get("location") ?? "");
    refusal = await json("/v1/sessions", post({ model: "tiny-separable" }));
  }

  expect(made).toHaveLength(3);
  expect(refusal.response.status).toBe(503);
  expect(Number(refusal.response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refusal.body).toMatchObject({ error: { code: "session_limit", recovery: "retry" } });
  for (const path of made) await service.fetch(path, { method: "DELETE" });
});

test("an address that opens sessions too often is told when to come back, over HTTP and the socket", async () => {
  await using hurried = await Service.start({
    startEngine: engine.start,
    config: { sessions: 8, sessionRate: 2 },
  });
  const open = () => hurried.fetch("/v1/sessions", post({ model: "tiny-separable" }));
  const client = await hurried.play();

  const allowed = await open();
  const refused = await open();
  const late = await hurried.connect();
  late.send({ type: "session.start", event_id: "s", model: "tiny-separable" });
  const { error } = await late.event("error", ({ event_id }) => event_id === "s");

  expect([allowed.status, refused.status]).toEqual([201, 429]);
  const wait = Number(refused.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(30);
  expect(await refused.json()).toMatchObject({
    error: { code: "rate_limited", recovery: "retry" },
  });
  expect(error).toMatchObject({ code: "rate_limited", recovery: "retry" });
  expect((await late.closed).code).toBe(1013);
  expect(hurried.server.sessions.all).toHaveLength(2);
  await client.frames(2);
});

test("requests that open nothing use up none of an address's sessions", async () => {
  await using hurried = await Service.start({
    startEngine: engine.start,
    config: { sessions: 1, sessionRate: 2 },
  });
  const open = (body: object) => hurried.fetch("/v1/sessions", post(body));
  const status = async (body: object) => (await open(body)).status;

  for (let i = 0; i < 5; i++) expect(await status({ model: "nothing" })).toBe(404);
  const made = await open({ model: "tiny-separable" });
  for (let i = 0; i < 5; i++) expect(await status({ model: "tiny-separable" })).toBe(503);
  await hurried.fetch(made.headers.get("location") ?? "", { method: "DELETE" });

  expect(await status({ model: "tiny-separable" })).toBe(201);
});

test("readiness waits for the models that are loaded at start", async () => {
  expect((await service.fetch("/healthz")).status).toBe(200);
  const before = await json("/readyz");
  expect(before.response.status).toBe(before.body["ready"] ? 200 : 503);

  await Promise.all(service.server.preloaded.map((model) => service.server.engines.ready(model)));
  await until(
    () => service.server.preloaded.every((m) => service.server.engines.state(m) === "ready"),
    "readiness",
  );

  const after = await json("/readyz");
  expect(after.response.status).toBe(200);
  expect(after.body).toMatchObject({ ready: true, models: { "tiny-separable": "ready" } });
});

test("metrics are text that Prometheus reads, and count what happened", async () => {
  const client = await service.play();
  await client.frames(3);

  const response = await service.fetch("/metrics");
  const lines = (await response.text()).trimEnd().split("\n");

  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const sample = /^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+$/;
  for (const line of lines) expect(line).toMatch(line.startsWith("#") ? /^# (HELP|TYPE) / : sample);
  const sent = lines.find((line) => line.startsWith('zoetrope_frames_total{what="sent"}'));
  expect(Number(sent?.split(" ")[1])).toBeGreaterThanOrEqual(3);
  expect(
    lines.some((line) => /^zoetrope_sessions\{.*model="tiny-separable"\} [1-9]/.test(line)),
  ).toBe(true);
  client.cut();
});

test("the OpenAPI document names every path that is served", async () => {
  const { body } = await json("/openapi.json");
  const paths = Object.keys(body["paths"] as object);

  for (const path of [
    "/v1/models",
    "/v1/models/{id}",
    "/v1/sessions",
    "/v1/sessions/{id}",
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/realtime",
  ]) {
    expect(paths).toContain(path);
  }
  const text = JSON.stringify(body);
  const named = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
  const schemas = (body["components"] as { schemas: object }).schemas;
  for (const name of named) expect(Object.keys(schemas)).toContain(name);
});

test("answers carry what browsers must know", async () => {
  const { headers } = await service.fetch("/v1/models");

  expect(headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("access-control-allow-origin")).toBeNull();
});

test("a request to another host name than this machine's own is refused", async () => {
  const answer = await raw("/v1/models", { host: "evil.test" });

  expect(answer.status).toBe(421);
});
