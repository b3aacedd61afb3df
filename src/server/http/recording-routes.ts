import type { FastifyInstance, FastifyReply } from "fastify";
import { StreamError } from "../../core/errors.ts";
import { MEDIA_TYPES } from "../../media/files/recording-file.ts";
import {
  parseClipRequest,
  parsePlaylistRequest,
  parseRecordingRequest,
} from "../../protocol/recordings.ts";
import type { Library } from "../library/library.ts";
import type { Recording } from "../library/recording.ts";
import type { Sessions } from "../sessions.ts";
import { sendError } from "./errors.ts";
import { sendFile } from "./send-file.ts";

/** What the recording routes work on. */
export interface RecordingRoutesParts {
  readonly sessions: Sessions;
  readonly library: Library;
}

interface SessionPath {
  readonly Params: { readonly id: string };
}
interface RecordingPath {
  readonly Params: { readonly id: string; readonly recording: string };
}
interface FilePath {
  readonly Params: { readonly recording: string };
}
interface PlaylistPath {
  readonly Params: { readonly playlist: string; readonly file: string };
}

/** Recordings, clips and live playlists of sessions, and their files. */
export function recordingRoutes(http: FastifyInstance, parts: RecordingRoutesParts): void {
  routeRecordings(http, parts);
  routeClips(http, parts);
  routePlaylists(http, parts);
}

function routeRecordings(http: FastifyInstance, { sessions, library }: RecordingRoutesParts): void {
  const { recordings } = library;
  const find = ({ id, recording }: RecordingPath["Params"]): Recording => {
    const found = recordings.find(recording);
    if (found.session === id) return found;
    throw new StreamError("unknown_recording", "this session has no such recording");
  };
  http.post<SessionPath>("/v1/sessions/:id/recordings", async ({ params, body }, reply) => {
    const hosted = sessions.find(params.id);
    return created(reply, await recordings.start(hosted, parseRecordingRequest(body)));
  });
  http.get<SessionPath>("/v1/sessions/:id/recordings", ({ params: { id } }) => {
    const kept = recordings.of(id);
    // A session that ended is known by what is left of it.
    if (kept.length === 0) sessions.find(id);
    return { recordings: kept.map((each) => each.describe()) };
  });
  http.get<RecordingPath>("/v1/sessions/:id/recordings/:recording", ({ params }) =>
    find(params).describe(),
  );
  http.delete<RecordingPath>(
    "/v1/sessions/:id/recordings/:recording",
    async ({ params }, reply) => {
      const found = find(params);
      if (found.state === "recording") {
        await found.stop();
        return found.describe();
      }
      await recordings.remove(found);
      return reply.code(204).send();
    },
  );
  http.get<FilePath>("/v1/recordings/:recording/file", ({ params, headers }, reply) => {
    const { id, path, format } = recordings.find(params.recording);
    const file = { path, type: MEDIA_TYPES[format], name: `${id}.${format}` };
    return sendFile(reply, file, headers.range);
  });
}

function routeClips(http: FastifyInstance, { sessions, library }: RecordingRoutesParts): void {
  const { clips } = library;
  http.post<SessionPath>("/v1/sessions/:id/clips", async ({ params, body }, reply) => {
    const hosted = sessions.find(params.id);
    return created(reply, await clips.make(hosted, parseClipRequest(body)));
  });
}

const created = (reply: FastifyReply, recording: Recording): FastifyReply =>
  reply
    .code(201)
    .header("location", `/v1/sessions/${recording.session}/recordings/${recording.id}`)
    .send(recording.describe());

const HLS_TYPES = {
  m3u8: "application/vnd.apple.mpegurl",
  mp4: "video/mp4",
  m4s: "video/iso.segment",
} as const;

function routePlaylists(http: FastifyInstance, { sessions, library }: RecordingRoutesParts): void {
  const { playlists } = library;
  http.post<SessionPath>("/v1/sessions/:id/hls", async ({ params, body }, reply) => {
    const hosted = sessions.find(params.id);
    const started = await playlists.start(hosted, parsePlaylistRequest(body));
    return reply.code(201).header("location", started.playlist).send(started);
  });
  http.get<SessionPath>("/v1/sessions/:id/hls", ({ params }) => {
    const { id, session, playlist } = playlists.of(params.id);
    return { id, session, playlist };
  });
  http.delete<SessionPath>("/v1/sessions/:id/hls", async ({ params }, reply) => {
    await playlists.remove(params.id);
    return reply.code(204).send();
  });
  http.get<PlaylistPath>("/v1/hls/:playlist/:file", async ({ params }, reply) => {
    const data = await playlists.read(params.playlist, params.file);
    if (data === undefined) {
      const error = new StreamError("state_conflict", "the first segment is not finished yet", {
        recovery: "retry",
      });
      return sendError(reply, error, 503);
    }
    const ending = params.file.slice(params.file.lastIndexOf(".") + 1) as keyof typeof HLS_TYPES;
    const fixed = ending === "m4s" ? "private, max-age=60" : "no-store";
    return reply.type(HLS_TYPES[ending]).header("cache-control", fixed).send(data);
  });
}
