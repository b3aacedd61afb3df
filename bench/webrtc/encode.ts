/** Bar 2: the real encoders on the bench's own pictures, paced as a session paces them. */

import { setTimeout as wait } from "node:timers/promises";
import { as, frameTime } from "../../src/core/units.ts";
import { openEncoder } from "../../src/media/codecs/open.ts";
import type { BenchFigures } from "../bench.ts";
import { quantile, rounded } from "../statistics.ts";
import { say, seconds, type Tools } from "./parts.ts";
import { PictureSource, testPictures, VIDEO } from "./test-pictures.ts";

const BITRATE = 1_500_000;
const USUAL_SECONDS = 10;
/** The rate control may take this long to settle. */
const SETTLE_SECONDS = 2;
const KEY_EVERY = 45;

/** Measure both codecs. */
export async function encode(tools: Tools): Promise<BenchFigures> {
  const length = seconds(tools, USUAL_SECONDS);
  const [h264, vp8] = [await measure("h264", length), await measure("vp8", length)];
  return {
    encode_h264_p95_ms: rounded(quantile(h264.times, 0.95)),
    encode_h264_p50_ms: rounded(quantile(h264.times, 0.5)),
    encode_vp8_p95_ms: rounded(quantile(vp8.times, 0.95)),
    encode_vp8_p50_ms: rounded(quantile(vp8.times, 0.5)),
    encode_wrong_keys: h264.wrongKeys + vp8.wrongKeys,
    encode_h264_rate_error_pct: rounded(h264.rateErrorPct, 1),
    encode_vp8_rate_error_pct: rounded(vp8.rateErrorPct, 1),
  };
}

interface Encoded {
  readonly times: readonly number[];
  /** Key packets that nobody asked for, and those that did not come with their frame. */
  readonly wrongKeys: number;
  readonly rateErrorPct: number;
}

async function measure(codec: "h264" | "vp8", length: number): Promise<Encoded> {
  say(`encoding ${codec}, ${length} s`);
  const encoder = await openEncoder({ codec, ...VIDEO, bitrate: as(BITRATE) });
  const source = new PictureSource(testPictures());
  const times: number[] = [];
  let [wrongKeys, settledBytes] = [0, 0];
  const start = performance.now();
  const frames = length * VIDEO.frameRate;
  for (let frame = 0; frame < frames; frame++) {
    await wait(Math.max(0, start + (frame * 1000) / VIDEO.frameRate - performance.now()));
    const rgb = source.draw(frame, Date.now());
    // Key packets are asked for only before the rate is looked at: they cost more than their share.
    const wish = { key: frame % KEY_EVERY === 0 && frame < SETTLE_SECONDS * VIDEO.frameRate };
    const began = performance.now();
    const { key, data } = await encoder.encode(rgb, frameTime(frame, VIDEO.frameRate), wish);
    times.push(performance.now() - began);
    if (key !== wish.key) wrongKeys += 1;
    if (frame >= SETTLE_SECONDS * VIDEO.frameRate) settledBytes += data.length;
  }
  encoder.close();
  const rate = (settledBytes * 8) / (length - SETTLE_SECONDS);
  return { times, wrongKeys, rateErrorPct: (Math.abs(rate - BITRATE) / BITRATE) * 100 };
}
