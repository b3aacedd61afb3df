import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

const engine = pictureEngine({ width: 64, height: 48 }, 30);
/** One server that publishes, and another one of the same kind that takes it. */
let ours: Service;
let theirs: Service;
/** A server of a test's own, in front of `theirs` where it wants. */
let front: Front;

interface Session {
  readonly id: string;
  readonly token: string;
  readonly viewer_token: string;
}
interface Description {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly bitrate: number;
  readonly attempts: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const open = async (service: Service): Promise<Session> => {
  const created = await service.fetch("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
  });
  return (await created.json()) as Session;
};

/** An HTTP server whose answers a test decides, and which remembers what it was asked. */
class Front implements AsyncDisposable {
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end();
  };
  readonly asked: { readonly method: string; readonly url: string; readonly token: string }[] = [];
  readonly #server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    this.asked.push({ method, url, token: headers.authorization ?? "" });
    this.answer(request, response);
  });

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

beforeAll(async () => {
  theirs = await Service.start({ startEngine: engine.start, config: { sessions: 32 } });
  front = await new Front().listen();
  ours = await Service.start({
    startEngine: engine.start,
    config: { sessions: 32, publishTo: [theirs.address.origin, front.origin] },
  });
});

afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
  await front[Symbol.asyncDispose]();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const pathOf = ({ id }: Session) => `/v1/sessions/${id}/publications`;

const publish = (session: Session, request: unknown, token = session.token) =>
  ours.fetch(pathOf(session), {
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/json" },
    body: JSON.stringify(request),
  });

/** A publication, ended with the test. */
async function published(session: Session, request: { url: string; token?: string }) {
  const answer = await publish(session, request);
  expect(answer.status).toBe(201);
  const path = answer.headers.get("location") ?? "";
  let last = (await answer.json()) as Description;
  const look = async () => {
    const found = await ours.fetch(path, { headers: bearer(session.token) });
    last = (await found.json()) as Description;
    return last;
  };
  const end = () => ours.fetch(path, { method: "DELETE", headers: bearer(session.token) });
  return {
    path,
    first: last,
    look,
    when: async (holds: (seen: Description) => boolean) => {
      const timer = setInterval(() => void look(), 50);
      try {
        await until(() => holds(last), `a publication other than ${JSON.stringify(last)}`);
        return last;
      } finally {
        clearInterval(timer);
      }
    },
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}

const whipOf = (session: Session) => `${theirs.address.origin}/v1/sessions/${session.id}/whip`;

test("a session goes on to another server, with pictures and sound, until it is ended", async () => {
  const [source, sink] = [await open(ours), await open(theirs)];
  const it = await published(source, { url: whipOf(sink), token: sink.token });
  expect(it.first).toMatchObject({ state: "connecting", url: whipOf(sink), error: null });
  expect(JSON.stringify(it.first)).not.toContain(sink.token);

  const lanes = () => theirs.server.ingress.lanes(sink.id);
  await until(() => (lanes()?.latestFrame()?.number ?? 0) > 20, "pictures at the other server");
  await until(
    () => (lanes()?.pcm(0, 48_000).samples.length ?? 0) > 24_000,
    "sound at the other server",
  );

  const live = await it.when(({ bitrate }) => bitrate > 0);
  expect(live).toMatchObject({ state: "live", attempts: 1, error: null });
  const list = await ours.fetch(pathOf(source), { headers: bearer(source.token) });
  expect(await list.json()).toMatchObject({ publications: [{ id: live.id }] });
  expect((await it.end()).status).toBe(204);
  expect(lanes()).toBe(undefined);
  expect((await it.end()).status).toBe(404);
});

test("only who steers may publish, and only to origins that were named", async () => {
  const source = await open(ours);
  const url = `${front.origin}/whip`;
  const refused = async (...[request, token]: [unknown, string?]) => {
    const answer = await publish(source, request, token);
    const { error } = (await answer.json()) as { error: { code: string } };
    return [answer.status, error.code];
  };

  expect(await refused({ url }, source.viewer_token)).toEqual([403, "unauthorized"]);
  expect(await refused({ url }, "x".repeat(43))).toEqual([401, "unauthorized"]);
  const anonymous = await ours.fetch(pathOf(source));
  expect(anonymous.status).toBe(401);
  expect(anonymous.headers.get("www-authenticate")).toContain("Bearer");
  for (const bad of [
    { url: "http://169.254.169.254/latest" },
    { url: `${front.origin}.example/whip` },
    { url: "file:///etc/passwd" },
    { url: url.replace("//", "//user:secret@") },
    { url, token: "two\r\nlines" },
    { url, bitrate: 1 },
    { url, other: 1 },
    {},
  ]) {
    expect(await refused(bad)).toEqual([422, "bad_parameter"]);
  }
  expect(front.asked).toEqual([]);
});

test("without the setting nobody publishes", async () => {
  const session = await open(theirs);
  const answer = await theirs.fetch(pathOf(session), {
    method: "POST",
    headers: { ...bearer(session.token), "content-type": "application/json" },
    body: JSON.stringify({ url: `${front.origin}/whip` }),
  });
  expect(answer.status).toBe(422);
});

test.each<readonly [string, Front["answer"], string]>([
  [
    "refuses for good",
    (_request, response) => {
      response.writeHead(403).end();
    },
    "answered 403",
  ],
  [
    "redirects to an origin that was not named",
    (_request, response) => {
      response.writeHead(307, { location: "http://127.0.0.2:9/whip" }).end();
    },
    "not one of --publish-to",
  ],
  [
    "redirects for ever",
    (_request, response) => {
      response.writeHead(307, { location: "/again" }).end();
    },
    "more than 3 times",
  ],
  [
    "makes a GET of it",
    (_request, response) => {
      response.writeHead(302, { location: "/other" }).end();
    },
    "answered 302",
  ],
  [
    "answers without a resource",
    (_request, response) => {
      response.writeHead(201).end("v=0\r\n");
    },
    "no usable Location",
  ],
  [
    "answers without end",
    (_request, response) => {
      response.writeHead(201, { location: "/resource" });
      response.on("close", () => {
        clearInterval(timer);
      });
      const timer = setInterval(() => response.write("v".repeat(30_000)), 1);
    },
    "above 65536 bytes",
  ],
  [
    "answers nonsense",
    (request, response) => {
      if (request.method === "DELETE") response.writeHead(200).end();
      else response.writeHead(201, { location: "/resource" }).end("hello");
    },
    "the description cannot be read",
  ],
])("a server that %s is not asked again", async (_what, answer, why) => {
  const source = await open(ours);
  front.asked.length = 0;
  front.answer = answer;

  await using it = await published(source, {
    url: `${front.origin}/whip`,
    token: "secret-of-theirs",
  });
  const { error } = await it.when(({ state }) => state === "failed");

  expect(error?.message).toContain(why);
  expect(front.asked.length).toBeLessThan(6);
  expect(front.asked.every(({ token }) => token === "Bearer secret-of-theirs")).toBe(true);
});

test("a server that is busy is asked again, and followed to where it points", async () => {
  const [source, sink] = [await open(ours), await open(theirs)];
  front.asked.length = 0;
  front.answer = (_request, response) => {
    if (front.asked.length === 1) response.writeHead(503, { "retry-after": "1" }).end();
    else response.writeHead(307, { location: whipOf(sink) }).end();
  };

  await using it = await published(source, { url: `${front.origin}/whip`, token: sink.token });
  await it.when(({ attempts, state }) => attempts === 2 && state === "live");

  expect(front.asked.map(({ method }) => method)).toEqual(["POST", "POST"]);
});

test("a publication comes back when the other server lost it, and ends with its session", async () => {
  const [source, sink] = [await open(ours), await open(theirs)];
  const deleted: string[] = [];
  let resource = "";
  front.answer = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "DELETE") deleted.push(request.url ?? "");
      const path = request.method === "DELETE" ? resource : whipOf(sink);
      void fetch(new URL(path, theirs.address), {
        method: request.method ?? "",
        headers: { ...bearer(sink.token), "content-type": "application/sdp" },
        ...(request.method === "POST" && { body: Buffer.concat(chunks) }),
      }).then(async (answer) => {
        if (request.method === "POST") resource = answer.headers.get("location") ?? "";
        response.writeHead(answer.status, { location: "/resource" }).end(await answer.text());
      });
    });
  };
  const it = await published(source, { url: `${front.origin}/whip` });
  await it.when(({ state }) => state === "live");

  await theirs.fetch(resource, { method: "DELETE", headers: bearer(sink.token) });
  await it.when(({ attempts, state }) => attempts === 2 && state === "live");
  expect(deleted).toEqual(["/resource"]);

  await ours.fetch(`/v1/sessions/${source.id}`, { method: "DELETE" });
  await until(() => deleted.length === 2, "the other server to be told");
  expect((await ours.fetch(pathOf(source), { headers: bearer(source.token) })).status).toBe(404);
});
