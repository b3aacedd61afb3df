import { expect, it, vi } from "vitest";
import { as } from "../../../src/core/units.ts";
import type { HostedSession } from "../../../src/server/hosted-session.ts";
import { type RtcViewerParts, rtcViewers } from "../../../src/server/viewers/rtc-viewer.ts";

it("refuses a viewer whose codecs cannot have the model's pictures, before anything is opened", async () => {
  const answer = vi.fn();
  const video = { width: 321, height: 240, frame_rate: 30, scaling: "smooth" };
  const hosted = { model: { summary: { video } } } as unknown as HostedSession;
  const open = rtcViewers({ answer } as unknown as RtcViewerParts);

  const opened = open(hosted, "viewer", "v=0", { delay: "low", bitrate: as(1_000_000) });

  await expect(opened).rejects.toMatchObject({ code: "unsupported_codec" });
  expect(answer).not.toHaveBeenCalled();
});
