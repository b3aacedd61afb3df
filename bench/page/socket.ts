/** Runs in the page: watches a session over the WebSocket with the SDK and reads the markers it draws. */

import { connect } from "../../clients/web/index.ts";
import { markerLayout, readMarker } from "../../src/core/marker.ts";
import type { RtcObservation } from "./rtc-observation.ts";

/** Watch the only model for `seconds`; returns what was shown. */
async function watchSocket(model: string, seconds: number): Promise<RtcObservation["shown"]> {
  const session = await connect({
    model,
    transport: "websocket",
    media: { codecs: ["h264"], bitrate: 1_500_000 },
    workerUrl: "/decode-worker.js",
  });
  document.body.append(session.canvas);
  const context = session.canvas.getContext("2d");
  const shown: [number, number, number][] = [];
  session.on("frame", () => {
    const at = Date.now();
    const { width } = session.canvas;
    const { cell, rows } = markerLayout(width);
    const pixels = context?.getImageData(0, 0, width, cell * rows).data ?? [];
    const marker = readMarker(pixels, width, 4);
    if (marker !== null) shown.push([at, marker.frame, marker.epoch]);
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  session.stop();
  return shown;
}

Object.assign(globalThis, { watchSocket });
