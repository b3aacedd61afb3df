/** Notes the sound that peer connections of this page receive, from where it is handed to the loudspeaker. */

let newest: MediaStreamAudioTrack | undefined;

class HeardPeer extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration);
    this.addEventListener("track", ({ track }) => {
      if (track.kind === "audio") newest = track as MediaStreamAudioTrack;
    });
  }
}
globalThis.RTCPeerConnection = HeardPeer;

/** The sound of the newest peer connection that has one. */
export const receivedSound = (): MediaStreamAudioTrack | undefined => newest;
