/** What a client may ask of recordings, clips and live playlists over HTTP. */

import { z } from "zod";
import { checked } from "./checked.ts";

const format = z.enum(["mp4", "webm"]);
const bitrate = z
  .number()
  .int()
  .min(100_000)
  .max(20_000_000)
  .default(2_000_000)
  .meta({ title: "Bitrate", unit: "bit/s" });

const recordingRequest = z.strictObject({ format: format.default("mp4"), bitrate });
const clipRequest = z.strictObject({
  seconds: z.number().min(1).max(30).meta({ title: "At least this long", unit: "seconds" }),
  format: format.optional(),
});
const playlistRequest = z.strictObject({ bitrate });

/** How a session is to be recorded. */
export type RecordingRequest = z.output<typeof recordingRequest>;
/** How much of what was just seen is wanted. */
export type ClipRequest = z.output<typeof clipRequest>;
/** How a session is to be shown in a live playlist. */
export type PlaylistRequest = z.output<typeof playlistRequest>;

/** @throws {StreamError} `bad_parameter` naming the offending path. */
export const parseRecordingRequest = (body: unknown): RecordingRequest =>
  checked(recordingRequest, body ?? {}, { label: "recording" });

/** @throws {StreamError} `bad_parameter` naming the offending path. */
export const parseClipRequest = (body: unknown): ClipRequest =>
  checked(clipRequest, body, { label: "clip" });

/** @throws {StreamError} `bad_parameter` naming the offending path. */
export const parsePlaylistRequest = (body: unknown): PlaylistRequest =>
  checked(playlistRequest, body ?? {}, { label: "playlist" });

/** JSON Schemas of these requests, by name, for the OpenAPI document. */
export const recordingSchemas = (): Readonly<Record<string, unknown>> => ({
  RecordingRequest: z.toJSONSchema(recordingRequest, { io: "input" }),
  ClipRequest: z.toJSONSchema(clipRequest, { io: "input" }),
  PlaylistRequest: z.toJSONSchema(playlistRequest, { io: "input" }),
});
