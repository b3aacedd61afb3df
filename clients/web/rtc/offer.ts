import type { Control } from "../../../src/core/controls.ts";
import type { ClientMessageInput } from "../../../src/protocol/messages.ts";

/** Candidates of this machine are there within this time; what comes later is found by the checks. */
const GATHER_MS = 400;

/**
 * An offer to receive one picture track and one sound track, with its candidates inside.
 *
 * `codecs` puts the named video codecs first and leaves others out; all are offered when it names none of RTP.
 */
export async function createOffer(
  peer: RTCPeerConnection,
  codecs: readonly string[],
): Promise<string> {
  const video = peer.addTransceiver("video", { direction: "recvonly" });
  peer.addTransceiver("audio", { direction: "recvonly" });
  prefer(video, codecs);
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  return peer.localDescription?.sdp ?? "";
}

/** Codecs that repair or resend others stay, whatever is wished. */
const HELPERS: ReadonlySet<string> = new Set(["video/rtx", "video/red", "video/ulpfec"]);

function prefer(transceiver: RTCRtpTransceiver, codecs: readonly string[]): void {
  const known = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const wished = codecs.flatMap((codec) =>
    known.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec}`),
  );
  if (wished.length === 0) return;
  const helpers = known.filter(({ mimeType }) => HELPERS.has(mimeType.toLowerCase()));
  transceiver.setCodecPreferences([...wished, ...helpers]);
}

/** Wait until the candidates are known, or long enough. */
export const gathered = (peer: RTCPeerConnection): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      if (peer.iceGatheringState === "complete") resolve();
    };
    peer.addEventListener("icegatheringstatechange", done);
    setTimeout(resolve, GATHER_MS);
    done();
  });

/**
 * True for motions: each counts by itself and the next one comes at once, so that a lost one is better
 * lost than late. What is held must arrive.
 */
export function isLossable(message: ClientMessageInput, controls: readonly Control[]): boolean {
  if (message.type !== "control.input") return false;
  return Object.keys(message.values).every(
    (name) => controls.find((control) => control.name === name)?.merge === "accumulate",
  );
}
