"""Plays one WHEP endpoint with GStreamer's webrtcbin, and says what it decoded.

usage: python3 gstreamer_player.py URL TOKEN H264|VP8 VIDEO AUDIO

Runs until VIDEO pictures and AUDIO buffers were decoded, or for 25 seconds, then deletes its connection and
prints one line of JSON. Needs Debian's python3-gst-1.0 and the plugins of tests/verify.sh.
"""

import json
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PATIENCE_MS = 25_000
CAPS = {
    "video": "application/x-rtp,media=video,clock-rate=90000,encoding-name={codec},payload=96"
    ",rtcp-fb-nack=true,rtcp-fb-nack-pli=true",
    "audio": "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=97"
    ",encoding-params=(string)2",
}
H264 = ",packetization-mode=(string)1,profile-level-id=(string)42e01f"


class Player:
    def __init__(self, url: str, token: str, codec: str, wanted: dict[str, int]) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"}
        self.wanted = wanted
        self.decoded = {"video": 0, "audio": 0}
        self.size = [0, 0]
        self.resource: str | None = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", "max-bundle")
        self.pipeline.add(self.bin)
        self.bin.connect("pad-added", self.on_stream)
        self.bin.connect("notify::ice-gathering-state", self.on_gathering)
        video = CAPS["video"].format(codec=codec) + (H264 if codec == "H264" else "")
        for caps in (video, CAPS["audio"]):
            self.bin.emit(
                "add-transceiver",
                GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                Gst.Caps.from_string(caps),
            )

    def run(self) -> None:
        self.pipeline.set_state(Gst.State.PLAYING)
        self.bin.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))
        GLib.timeout_add(PATIENCE_MS, self.loop.quit)
        self.loop.run()
        self.request("DELETE", self.resource)
        self.pipeline.set_state(Gst.State.NULL)
        print(json.dumps({**self.decoded, "size": self.size}))

    def request(self, method: str, url: str | None, body: str | None = None) -> tuple[str, str | None]:
        if url is None:
            return "", None
        headers = {**self.headers, "Content-Type": "application/sdp"}
        data = None if body is None else body.encode()
        with urllib.request.urlopen(
            urllib.request.Request(url, data, headers, method=method), timeout=10
        ) as answer:
            return answer.read().decode(), answer.headers.get("Location")

    def on_offer(self, promise: Gst.Promise) -> None:
        promise.wait()
        # The reply owns the offer.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.bin.emit("set-local-description", offer, Gst.Promise.new())

    def on_gathering(self, *_: object) -> None:
        if self.bin.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        GLib.idle_add(self.call)

    def call(self) -> bool:
        if self.resource is not None:
            return False
        offer = self.bin.get_property("local-description").sdp.as_text()
        text, location = self.request("POST", self.url, offer)
        self.resource = urllib.parse.urljoin(self.url, location or "")
        _, sdp = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.bin.emit("set-remote-description", answer, Gst.Promise.new())
        return False

    def on_stream(self, _bin: Gst.Element, pad: Gst.Pad) -> None:
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.on_decoded)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_decoded(self, _decoder: Gst.Element, pad: Gst.Pad) -> None:
        kind = pad.get_current_caps().get_structure(0).get_name().split("/")[0]
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", self.on_buffer, kind)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_buffer(self, _sink: Gst.Element, _buffer: Gst.Buffer, pad: Gst.Pad, kind: str) -> None:
        self.decoded[kind] += 1
        if kind == "video" and self.size == [0, 0]:
            shape = pad.get_current_caps().get_structure(0)
            self.size = [shape.get_int(side).value for side in ("width", "height")]
        if all(self.decoded[each] >= count for each, count in self.wanted.items()):
            GLib.idle_add(self.loop.quit)


if __name__ == "__main__":
    Gst.init(None)
    url, token, codec, video, audio = sys.argv[1:]
    Player(url, token, codec, {"video": int(video), "audio": int(audio)}).run()
