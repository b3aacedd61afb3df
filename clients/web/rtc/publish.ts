import { StreamError } from "../../../src/core/errors.ts";
import type { Microphone } from "../session.ts";
import { gathered } from "./offer.ts";
import { endConnection, postOffer } from "./whep.ts";

/** Where a microphone is published. */
export interface PublishTarget {
  readonly server: string | URL;
  readonly session: string;
  /** The session's secret of who steers. */
  readonly token: string;
  readonly iceServers: readonly RTCIceServer[];
}

/**
 * Publish the sound of `stream` into a session (WHIP).
 *
 * Lifetime: until `stop` of what is returned, or until the session ended; the stream stays its owner's.
 * @throws {StreamError} the server's own error, `server_unreachable`; `unsupported_input` when the stream has no sound.
 */
export async function publishSound(
  { server, session, token, iceServers }: PublishTarget,
  stream: MediaStream,
): Promise<Microphone> {
  const [track] = stream.getAudioTracks();
  if (track === undefined) throw new StreamError("unsupported_input", "this stream has no sound");
  const peer = new RTCPeerConnection({ iceServers: [...iceServers], bundlePolicy: "max-bundle" });
  try {
    peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const path = `/v1/sessions/${encodeURIComponent(session)}/whip`;
    const offer = peer.localDescription?.sdp ?? "";
    const { sdp, location } = await postOffer(server, { path, token, offer });
    await peer.setRemoteDescription({ type: "answer", sdp });
    return {
      stop: () => {
        peer.close();
        if (location !== undefined) endConnection(location, token);
      },
    };
  } catch (cause) {
    peer.close();
    throw cause;
  }
}
