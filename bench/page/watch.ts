/** Runs in the page: opens sessions, presses keys, and reads what the canvas shows, frame by frame. */

import { connect, type Session } from "../../clients/web/index.ts";
import { markerLayout, readMarker } from "../../src/core/marker.ts";
import type { Observation, WatchOptions } from "./observation.ts";

const WORKER = "/decode-worker.js";
/** A key changes about this often, at times that no frame rate divides. */
const PRESS_EVERY_MS = 317;

const open = (model: string): Promise<Session> =>
  connect({ model, transport: "websocket", media: { markers: true }, workerUrl: WORKER });

/** Milliseconds from asking for a session to its first drawn frame. */
async function firstFrame(model: string): Promise<number> {
  const start = performance.now();
  const session = await open(model);
  const drawn = await new Promise<number>((resolve) => {
    session.on("frame", () => resolve(performance.now()));
  });
  session.stop();
  return drawn - start;
}

/** Watch a session for a while; all times are of `performance.now()`. */
async function watch({ model, seconds, sessions }: WatchOptions): Promise<Observation> {
  const firstFrames: number[] = [];
  for (let i = 0; i < sessions; i++) firstFrames.push(await firstFrame(model));

  const session = await open(model);
  document.body.append(session.canvas);
  const context = session.canvas.getContext("2d");
  const shown: [number, number, number][] = [];
  const sent: number[] = [];
  const epochs: number[] = [];
  session.on("frame", () => {
    const at = performance.now();
    const { width } = session.canvas;
    const { cell, rows } = markerLayout(width);
    const pixels = context?.getImageData(0, 0, width, cell * rows).data ?? [];
    const marker = readMarker(pixels, width, 4);
    if (marker !== null) shown.push([at, marker.frame, marker.epoch]);
  });
  session.on("event", (event) => {
    if (event.type === "input.accepted") epochs.push(event.epoch);
  });
  const buttons = session.model.controls.filter(({ kind }) => kind === "button");
  let presses = 0;
  const timer = setInterval(() => {
    const button = buttons[presses % Math.max(1, buttons.length)];
    if (button === undefined) return;
    sent.push(performance.now());
    session.controls.set(button.name, session.controls.get(button.name) === 1 ? 0 : 1);
    presses += 1;
  }, PRESS_EVERY_MS);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(timer);
  session.stop();
  return { firstFrames, shown, sent, epochs, frameRate: session.model.video.frame_rate };
}

Object.assign(globalThis, { watchWorld: watch });
