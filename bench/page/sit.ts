/** Runs in the page: lets somebody speak as a microphone would, and notes what is shown and heard. */

import { connect, type Session } from "../../clients/web/index.ts";
import { markerLayout, readMarker } from "../../src/core/marker.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import { ClickFinder } from "./click-finder.ts";
import { receivedSound } from "./received-sound.ts";
import type { Round, Sitting, SittingOptions } from "./sitting.ts";

const RATE = 16_000;
/** Samples that a microphone brings at a time: 20 ms. */
const PIECE = 320;
/** Bytes that are made text at a time. */
const CHUNK = 16_384;
/** Until pictures and sound run evenly. */
const SETTLE_MS = 3_000;
/** From the last sample until it was shown and heard. */
const AFTER_MS = 1_500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** What is drawn on a session's canvas, frame by frame. */
class Eyes {
  readonly shown: [number, number][] = [];
  readonly pictures: Uint8ClampedArray<ArrayBuffer>[] = [];

  constructor(session: Session, keepsPictures: boolean) {
    const { canvas } = session;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    session.on("frame", ({ frame }) => {
      const at = Date.now();
      if (keepsPictures) {
        const pixels = context?.getImageData(0, 0, canvas.width, canvas.height).data;
        if (pixels !== undefined) this.pictures.push(withoutAlpha(pixels));
        this.shown.push([at, frame]);
        return;
      }
      const { cell, rows } = markerLayout(canvas.width);
      const pixels = context?.getImageData(0, 0, canvas.width, cell * rows).data ?? [];
      const marker = readMarker(pixels, canvas.width, 4);
      if (marker !== null) this.shown.push([at, marker.frame]);
    });
  }
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const rgb = new Uint8ClampedArray((rgba.length / 4) * 3);
  for (let i = 0; i < rgba.length / 4; i++) rgb.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
  return rgb;
}

/** What is handed to the loudspeaker, over whatever way it comes. */
const soundOf = (session: Session, { transport }: SittingOptions): MediaStreamTrack | undefined =>
  transport === "webrtc" ? receivedSound() : session.captureStream().getAudioTracks()[0];

/** Hear a sound until it ends. */
async function listen(track: MediaStreamTrack | undefined, ears: ClickFinder): Promise<void> {
  if (track === undefined) return;
  const { readable } = new MediaStreamTrackProcessor({ track: track as MediaStreamAudioTrack });
  for await (const piece of readable) {
    const now = Date.now();
    const pcm = new Float32Array(piece.numberOfFrames);
    piece.copyTo(pcm, { planeIndex: 0, format: "f32-planar" });
    ears.take(pcm, piece.sampleRate, now);
    piece.close();
  }
}

/** Send `pcm` as it would be spoken. */
async function speak(session: Session, pcm: Int16Array): Promise<[number, number][]> {
  const sent: [number, number][] = [];
  const start = performance.now();
  for (let at = 0; at < pcm.length; at += PIECE) {
    const piece = pcm.subarray(at, at + PIECE);
    const end = at + piece.length;
    await pause(start + (1000 * end) / RATE - performance.now());
    sent.push([Date.now(), end]);
    session.speech.append(piece);
  }
  return sent;
}

/** Media time at which the next utterance begins to be heard. */
const begun = (session: Session): Promise<number> =>
  new Promise((resolve) => {
    const off = session.on("event", (event: ServerEvent) => {
      if (event.type !== "speech.started") return;
      off();
      resolve(event.pts);
    });
  });

async function sit(options: SittingOptions): Promise<Sitting> {
  const { model, transport, delay, picture, sound, pictures, rounds = 1 } = options;
  const session = await connect({
    ...{ model, transport, delay, workerUrl: "/decode-worker.js", workletUrl: "/sound-worklet.js" },
    media: { markers: !pictures },
  });
  document.body.append(session.canvas);
  session.audio.unlock();
  if (picture !== undefined) await session.image.set(new Blob([bytesOf(picture)]));
  const eyes = new Eyes(session, pictures);
  const ears = new ClickFinder();
  void listen(soundOf(session, options), ears);
  await pause(SETTLE_MS);
  const pcm = new Int16Array(bytesOf(sound).buffer);
  const said: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const begins = begun(session);
    const sent = await speak(session, pcm);
    const { pts: ends, played_ms: playedMs } = await session.speech.commit();
    said.push({ sent, begins: await begins, ends, playedMs });
  }
  await pause(AFTER_MS);
  const seen = {
    ...{ frameRate: session.model.video.frame_rate, rounds: said, shown: eyes.shown },
    clicks: ears.clicks,
    pictures: pictures ? await base64Of(eyes.pictures) : "",
  };
  session.stop();
  session.canvas.remove();
  return seen;
}

async function base64Of(parts: readonly Uint8ClampedArray<ArrayBuffer>[]): Promise<string> {
  const bytes = new Uint8Array(await new Blob([...parts]).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(text);
}

Object.assign(globalThis, { sit });
