/** Decodes packets back to pictures with FFmpeg in-process: the other end of an encoder under test. */

import { AV_PIX_FMT_RGB24, type FFDecoderCodec, SWS_BILINEAR } from "node-av/constants";
import { Codec, CodecContext, Frame, Packet, SoftwareScaleContext } from "node-av/lib";

/** Decode `packets` in order; one picture [height, width, 3], uint8, for each. */
export async function decodePictures(
  codec: "h264" | "vp8",
  packets: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const decoder = Codec.findDecoderByName(codec as FFDecoderCodec);
  if (decoder === null) throw new Error(`no decoder for ${codec}`);
  const context = new CodecContext();
  context.allocContext3(decoder);
  context.threadCount = 1;
  await context.open2(decoder, null);
  const pictures: Uint8Array[] = [];
  const packet = new Packet();
  packet.alloc();
  const frame = new Frame();
  frame.alloc();
  for (const [i, data] of packets.entries()) {
    packet.data = Buffer.from(data);
    packet.pts = BigInt(i);
    await context.sendPacket(packet);
    packet.unref();
    while ((await context.receiveFrame(frame)) === 0) pictures.push(await toRgb(frame));
  }
  await context.sendPacket(null);
  while ((await context.receiveFrame(frame)) === 0) pictures.push(await toRgb(frame));
  frame.free();
  packet.free();
  context.freeContext();
  return pictures;
}

async function toRgb(frame: Frame): Promise<Uint8Array> {
  const { width, height } = frame;
  const target = new Frame();
  target.alloc();
  target.width = width;
  target.height = height;
  target.format = AV_PIX_FMT_RGB24;
  target.getBuffer();
  const scaler = new SoftwareScaleContext();
  scaler.getContext(
    width,
    height,
    frame.format as never,
    width,
    height,
    AV_PIX_FMT_RGB24,
    SWS_BILINEAR,
  );
  await scaler.scaleFrame(target, frame);
  const [plane] = target.data ?? [];
  const [stride] = target.linesize;
  if (plane === undefined || stride === undefined) throw new Error("a frame without planes");
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    rgb.set(plane.subarray(y * stride, y * stride + width * 3), y * width * 3);
  }
  scaler.freeContext();
  target.free();
  return rgb;
}
