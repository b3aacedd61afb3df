import { afterAll, beforeAll, expect, test } from "vitest";
import { Janus } from "../../support/janus.ts";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service } from "../../support/service.ts";

/** A goodbye may be lost, and silence counts as one after 30 seconds (RFC 7675). */
const PATIENCE_MS = 45_000;
const TEST_MS = 3 * PATIENCE_MS;
const engine = pictureEngine({ width: 320, height: 240 }, 30);
const sfus = new Map<string, Janus>();
let service: Service;

beforeAll(async () => {
  for (const codec of ["h264", "vp8"] as const) sfus.set(codec, await Janus.start(codec));
  service = await Service.start({
    startEngine: engine.start,
    config: { publishTo: [...sfus.values()].map(({ origin }) => origin) },
  });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  for (const sfu of sfus.values()) await sfu[Symbol.asyncDispose]();
});

async function eventually<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) throw new Error(`gave up at ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.each(["h264", "vp8"])(
  "Janus takes a session in %s, loses it, and gets it again",
  async (codec) => {
    const janus = sfus.get(codec);
    if (janus === undefined) throw new Error("Janus is not there");
    const created = await service.fetch("/v1/sessions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
    });
    const { id, token } = (await created.json()) as { id: string; token: string };
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await service.fetch(`/v1/sessions/${id}/publications`, {
      method: "POST",
      headers,
      body: JSON.stringify({ url: janus.endpoint }),
    });
    const path = answer.headers.get("location") ?? "";
    const look = async () => {
      const seen = await service.fetch(path, { headers });
      return (await seen.json()) as { state: string; bitrate: number; attempts: number };
    };
    const arrives = (media: Awaited<ReturnType<Janus["media"]>>) =>
      ["audio", "video"].every((kind) =>
        media.some(({ type, packets }) => type === kind && packets > 50),
      );

    const media = await eventually(() => janus.media(), arrives);
    expect(media.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(await eventually(look, ({ bitrate }) => bitrate > 0)).toMatchObject({ state: "live" });

    await janus.drop();
    await eventually(look, ({ state, attempts }) => state === "live" && attempts === 2);
    await eventually(() => janus.media(), arrives);

    const { authorization } = headers;
    const ended = await service.fetch(path, { method: "DELETE", headers: { authorization } });
    expect(ended.status).toBe(204);
    expect(janus.publishers).toBe(0);
  },
  TEST_MS,
);
