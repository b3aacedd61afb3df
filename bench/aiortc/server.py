"""Plain aiortc behind WHEP: the bench's test pictures and sound, one source for all viewers, default settings.

Prints its address as the first line of its output, and ends when its input does: with whoever started it.
"""

from __future__ import annotations

import asyncio
import fractions
import sys
import time
from pathlib import Path

import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from av import AudioFrame, VideoFrame

WIDTH, HEIGHT, FRAME_RATE = 640, 480, 30
SAMPLE_RATE, PACKET_SAMPLES = 48_000, 960
CELL = 8


def crc8(bits: list[int]) -> int:
    """CRC-8 as src/core/marker.ts computes it."""
    crc = 0xFF
    for bit in bits:
        feedback = (crc >> 7) ^ bit
        crc = ((crc << 1) ^ (0x07 if feedback else 0)) & 0xFF
    return crc


def bits_of(value: int, count: int) -> list[int]:
    return [(value >> (count - 1 - i)) & 1 for i in range(count)]


def draw_marker(rgb: np.ndarray, frame: int, epoch: int) -> None:
    """Draw a marker (src/core/marker.ts) into [height, width, 3], uint8."""
    fields = bits_of(frame & 0xFFFFFF, 24) + bits_of(epoch & 0xFFFFFF, 24)
    cells = np.array(fields + bits_of(crc8(fields), 8), np.uint8) * 255
    rgb[:CELL, : cells.size * CELL] = np.repeat(cells, CELL)[None, :, None]


class Pictures(MediaStreamTrack):
    kind = "video"

    def __init__(self, cycle: np.ndarray, start: float) -> None:
        super().__init__()
        self._cycle, self._start, self._frame = cycle, start, 0

    async def recv(self) -> VideoFrame:
        frame = self._frame
        self._frame += 1
        await sleep_until(self._start + frame / FRAME_RATE)
        rgb = self._cycle[frame % len(self._cycle)].copy()
        draw_marker(rgb, frame, int(time.time() * 1000))
        # Converted here, once: encoders of several viewers would convert the same frame at the same time, and crash.
        picture = VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        picture.pts, picture.time_base = frame * 90_000 // FRAME_RATE, fractions.Fraction(1, 90_000)
        return picture


class Sound(MediaStreamTrack):
    kind = "audio"

    def __init__(self, cycle: np.ndarray, start: float) -> None:
        super().__init__()
        self._cycle, self._start, self._packet = cycle, start, 0

    async def recv(self) -> AudioFrame:
        at = self._packet * PACKET_SAMPLES
        self._packet += 1
        await sleep_until(self._start + at / SAMPLE_RATE)
        first = at % len(self._cycle)
        pcm = self._cycle[first : first + PACKET_SAMPLES]
        piece = AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        piece.sample_rate, piece.pts, piece.time_base = SAMPLE_RATE, at, fractions.Fraction(1, SAMPLE_RATE)
        return piece


async def sleep_until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


class Stage:
    """Everybody watches the same source; it begins anew when nobody watches."""

    def __init__(self, pictures: np.ndarray, sound: np.ndarray) -> None:
        self._cycles = pictures, sound
        self._viewers: dict[str, RTCPeerConnection] = {}
        self._next = 0
        self._begin()

    def _begin(self) -> None:
        start = time.monotonic() + 0.05
        pictures, sound = self._cycles
        self._relay, self._tracks = MediaRelay(), (Pictures(pictures, start), Sound(sound, start))

    async def post(self, request: web.Request) -> web.Response:
        if not self._viewers:
            self._begin()
        peer = RTCPeerConnection()
        name, self._next = str(self._next), self._next + 1
        self._viewers[name] = peer
        for track in self._tracks:
            peer.addTrack(self._relay.subscribe(track))

        @peer.on("connectionstatechange")
        async def changed() -> None:
            if peer.connectionState in ("failed", "closed"):
                await self._remove(name)

        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": f"/whep/{name}"}
        sdp = peer.localDescription.sdp
        return web.Response(status=201, text=sdp, content_type="application/sdp", headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        await self._remove(request.match_info["name"])
        return web.Response()

    async def _remove(self, name: str) -> None:
        peer = self._viewers.pop(name, None)
        if peer is not None:
            await peer.close()


async def page(_request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>aiortc</title>", content_type="text/html")


async def main(pictures: Path, sound: Path) -> None:
    frames = np.fromfile(pictures, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    pcm = (np.fromfile(sound, np.float32) * 32767).astype(np.int16)
    stage = Stage(frames, pcm)
    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/whep", stage.post), web.delete("/whep/{name}", stage.delete)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)


asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
