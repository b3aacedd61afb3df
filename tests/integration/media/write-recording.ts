/** A process that records until it is killed: `write-recording.ts FORMAT PATH`; says how many frames it took. */

import { as, frameTime } from "../../../src/core/units.ts";
import { openEncoder } from "../../../src/media/codecs/open.ts";
import { Recorder, recordingAt } from "../../../src/media/files/recorder.ts";
import { RECORDING_CODECS, type RecordingFormat } from "../../../src/media/files/recording-file.ts";
import { gradient } from "../../support/pictures.ts";

const [format, path] = process.argv.slice(2) as [RecordingFormat, string];
const video = { width: 64, height: 48, frameRate: 30 };
const bitrate = as<never>(500_000);
const encoder = await openEncoder({ codec: RECORDING_CODECS[format], ...video, bitrate });
const recorder = new Recorder({
  format,
  ...video,
  open: recordingAt(path),
  mostBytes: as(2 ** 30),
});
for (let frame = 0; ; frame++) {
  const pts = frameTime(frame, video.frameRate);
  const key = frame % 60 === 0;
  const packet = await encoder.encode(gradient(video, frame), pts, { key });
  const duration = as<typeof pts>(frameTime(frame + 1, video.frameRate) - pts);
  recorder.take({ pts, duration, packet, sound: [] });
  await new Promise((resolve) => setTimeout(resolve, 1));
  process.stdout.write(`${frame + 1}\n`);
}
