import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { type Client, Service, until } from "../../support/service.ts";

let service: Service;
const engine = pictureEngine({ width: 64, height: 64 }, 30);
beforeAll(async () => {
  service = await Service.start({ startEngine: engine.start });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** A player, and somebody who watches it. */
async function playAndWatch(sound = false): Promise<{ player: Client; watcher: Client }> {
  const player = await service.play();
  const created = await player.event("session.created");
  const watcher = await service.connect();
  const { session, viewer_token: token } = created;
  watcher.send({ type: "session.resume", session, token, media: { sound } });
  await watcher.event("session.resumed");
  return { player, watcher };
}

describe("an audience", () => {
  it("sees what the controller does, from one encoding", async () => {
    const { player, watcher } = await playAndWatch();
    await watcher.frames(10);
    const [first] = watcher.media;
    expect(first?.header.key).toBe(true);
    const frame = watcher.media.at(-1)?.header.frame;
    await until(() => player.media.some(({ header }) => header.frame === frame), "the same frame");
    const same = player.media.find(({ header }) => header.frame === frame);
    expect(Buffer.from(same?.payload ?? [])).toEqual(
      Buffer.from(watcher.media.at(-1)?.payload ?? []),
    );
    expect(same?.header.rendition).toBe(watcher.media.at(-1)?.header.rendition);
    player.send({ type: "session.stop" });
    await watcher.event("session.ended");
  });

  it("is told its role and cannot steer", async () => {
    const { player, watcher } = await playAndWatch();
    expect(await watcher.event("session.resumed")).toMatchObject({ role: "viewer" });
    expect(await player.event("session.created")).toMatchObject({ role: "controller" });
    watcher.send({ type: "generation.pause", event_id: "p" });
    const refusal = await watcher.event("input.rejected");
    expect(refusal).toMatchObject({ event_id: "p", error: { code: "unauthorized" } });
    watcher.send({ type: "session.stop" });
    await watcher.error("unauthorized");
    await player.frames(3);
    player.send({ type: "session.stop" });
    await player.closed;
  });

  it("keeps a session going whose controller left, and lets it end when all are gone", async () => {
    const { player, watcher } = await playAndWatch();
    player.cut();
    await watcher.frames(10);
    watcher.cut();
    const created = await player.event("session.created");
    const state = async () =>
      ((await (await service.fetch(`/v1/sessions/${created.session}`)).json()) as { state: string })
        .state;
    let now = "";
    await until(() => {
      void state().then((value) => {
        now = value;
      });
      return now === "detached";
    }, "the session to wait");
  });

  it("hears the sound it asks for, on the clock of the pictures", async () => {
    const { player, watcher } = await playAndWatch(true);
    player.send({ type: "params.update", parameters: { sound: "test" } });
    await until(
      () => watcher.media.filter(({ header }) => header.kind === "audio").length > 60,
      "sound",
    );
    const sound = watcher.media.filter(({ header }) => header.kind === "audio");
    const times = sound.map(({ header }) => header.pts);
    expect(times).toEqual(times.map((_, i) => (times[0] ?? 0) + i * 20_000));
    expect(player.media.every(({ header }) => header.kind === "video")).toBe(true);
    player.send({ type: "session.stop" });
    await player.closed;
  });
});
