import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pictureEngine } from "../../support/picture-engine.ts";
import { Service, until } from "../../support/service.ts";

/** Debian's own: its GStreamer bindings are for no other. */
const PYTHON = process.env["PYTHON_WITH_GSTREAMER"] ?? "/usr/bin/python3";
const PLAYER = fileURLToPath(new URL("../../support/gstreamer_player.py", import.meta.url));
const engine = pictureEngine({ width: 320, height: 240 }, 30);
let service: Service;

beforeAll(async () => {
  // GStreamer looks for no path over loopback.
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.find(({ internal, family }) => !internal && family === "IPv4");
  const rtcAddresses = [outside?.address ?? "127.0.0.1"];
  service = await Service.start({ startEngine: engine.start, config: { rtcAddresses } });
});

afterAll(() => service[Symbol.asyncDispose]());

// The first start of GStreamer on a machine looks through all its plugins.
test.each(["VP8", "H264"])(
  "GStreamer plays pictures in %s, and sound, over WHEP",
  { timeout: 90_000 },
  async (codec) => {
    const created = await service.fetch("/v1/sessions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny-separable", parameters: { sound: "test" } }),
    });
    const { id, viewer_token } = (await created.json()) as { id: string; viewer_token: string };
    const whep = new URL(`/v1/sessions/${id}/whep`, service.address).href;

    const { stdout } = await promisify(execFile)(PYTHON, [
      PLAYER,
      ...[whep, viewer_token, codec, "60", "90"],
    ]);

    const seen = JSON.parse(stdout) as { video: number; audio: number; size: number[] };
    expect(seen.video).toBeGreaterThanOrEqual(60);
    expect(seen.audio).toBeGreaterThanOrEqual(90);
    expect(seen.size).toEqual([320, 240]);
    await until(() => service.server.sessions.find(id).viewers === 0, "the player to be gone");
  },
);
