"""Sessions on the exported package, as the engine runs them: a cache for each step, fed block by block."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...graphs import CACHE_INPUTS, EMPTY_BIAS
from ...noise import normals
from ...parity import open_session
from ...player import Floats, run
from ...rollout import COMMIT_LANE


class Memory(Protocol):
    """What a session keeps of one step."""

    def commit(self, key: Floats, value: Floats) -> None:
        """Add a frame, [layers, heads, T, D] each."""
        ...

    def slots(self) -> list[Kept]:
        """What is kept, a frame or what stands for several each."""
        ...


@dataclass(frozen=True)
class Kept:
    """A frame in a cache, or what stands for `count` of them, the newest of which is `age` frames old (1 the newest)."""

    key: Floats
    value: Floats
    age: int
    count: int = 1


class Window:
    """The newest frames as they came."""

    def __init__(self, frames: int) -> None:
        self._kept: deque[tuple[Floats, Floats]] = deque(maxlen=frames)

    def commit(self, key: Floats, value: Floats) -> None:
        """As `Memory.commit`."""
        self._kept.append((key, value))

    def slots(self) -> list[Kept]:
        """As `Memory.slots`."""
        return [Kept(*pair, age=len(self._kept) - at) for at, pair in enumerate(self._kept)]


class Folded:
    """A short window, and older frames folded a group at a time; the oldest groups go."""

    def __init__(self, frames: int, groups: int, size: int, compress: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> None:
        self._frames, self._groups, self._size, self._compress = frames, groups, size, compress
        self._raw: list[tuple[Floats, Floats]] = []
        self._folded: list[tuple[Floats, Floats, int]] = []
        self._committed = 0

    def commit(self, key: Floats, value: Floats) -> None:
        """As `Memory.commit`."""
        self._raw.append((key, value))
        self._committed += 1
        if len(self._raw) == self._frames + self._size:
            group, self._raw = self._raw[: self._size], self._raw[self._size :]
            keys, values = (np.concatenate(parts, 2) for parts in zip(*group, strict=True))
            self._folded.append((*self._compress(keys, values), self._committed - self._frames))
            self._folded = self._folded[-self._groups :]

    def slots(self) -> list[Kept]:
        """As `Memory.slots`."""
        old = [Kept(key, value, self._committed - newest + 1, self._size) for key, value, newest in self._folded]
        return old + [Kept(*pair, age=len(self._raw) - at) for at, pair in enumerate(self._raw)]


class Session:
    """One speaker: a picture to begin from, then a frame for each window of sound.

    Noise may be given instead of drawn, so that what comes out can be compared with the truth of its dice.
    """

    def __init__(self, directory: Path, *, threads: int = 1) -> None:
        self.manifest = json.loads((directory / "manifest.json").read_text())
        self.graphs = {role: open_session(directory / name, threads) for role, name in self.manifest["graphs"].items()}
        schedule = self.manifest["schedule"]
        self.sigmas: list[float] = schedule["sigmas"][str(schedule["defaultSteps"])]
        video = self.manifest["lanes"]["video"]["latent"]
        self.cell = (video["channels"], video["height"], video["width"])
        self.layout = self.manifest["cache"]

    def start(self, rgb: NDArray[np.uint8], seed: int, caches: list[Memory] | None = None, noise: Floats | None = None) -> None:
        """Begin from a picture [height, width, 3]; `noise` [C, H, W] stands for the draws of the start."""
        self.seed, self.block = seed, 0
        self.reference = self.encode(rgb)
        self.caches = caches or [Window(self.layout["windowFrames"]) for _ in self.sigmas]
        features = self.manifest["lanes"]["speech"]["features"]
        for step, sigma in enumerate(self.sigmas):
            drawn = self._draw(step, COMMIT_LANE) if noise is None else noise
            sample = (1 - sigma) * self.reference + sigma * drawn[None]
            self._run(step, sample, sigma, np.zeros(self._controls(), np.float32), np.zeros(features, np.float32))

    def look_at(self, rgb: NDArray[np.uint8]) -> None:
        """Go on as somebody else: another reference picture."""
        self.reference = self.encode(rgb)

    def listen(self, pcm: Floats) -> Floats:
        """A window of sound [WINDOW * SAMPLES] to features [FEATURES]."""
        return run(self.graphs["speechEncoder"], {"pcm": pcm[None]})[0][0]

    def next_frame(self, speech: Floats, control: Floats, noise: Floats | None = None) -> Floats:
        """The latent [C, H, W] of the next frame, given features [FEATURES] and controls."""
        sample = (self._draw(0, 0) if noise is None else noise)[None]
        made = sample
        for step, sigma in enumerate(self.sigmas):
            made = self._run(step, sample, sigma, control, speech)
            if step + 1 < len(self.sigmas):
                sample = sample + (self.sigmas[step + 1] - sigma) * (sample - made) / sigma
        self.block += 1
        return made[0]

    def encode(self, rgb: NDArray[np.uint8]) -> Floats:
        """A picture [height, width, 3] to a latent [1, C, H, W]."""
        return run(self.graphs["imageEncoder"], {"rgb": rgb[None]})[0]

    def decode(self, latent: Floats) -> NDArray[np.uint8]:
        """A latent [C, H, W] to a picture [height, width, 3]."""
        return self.graphs["decoder"].run(None, {"latent": latent[None]})[0][0]

    def _controls(self) -> int:
        return next(i.shape[1] for i in self.graphs["denoiser"].get_inputs() if i.name == "control")

    def _draw(self, step: int, lane: int) -> Floats:
        return normals(self.cell, seed=self.seed, block=self.block, step=step, lane=lane)

    def _run(self, step: int, sample: Floats, sigma: float, control: Floats, speech: Floats) -> Floats:
        """One pass, whose keys and values enter the step's cache."""
        feeds = {
            "sample": sample.astype(np.float32), "sigma": np.array([sigma], np.float32), "control": control[None],
            "reference": self.reference, "speech": speech[None],
        }
        made, key, value = run(self.graphs["denoiser"], feeds | self._cache_feeds(step))
        self.caches[step].commit(key, value)
        return made

    def _cache_feeds(self, step: int) -> dict[str, Floats]:
        layout = self.layout
        layers, heads, size, tokens = layout["layers"], layout["heads"], layout["headDim"], layout["tokensPerFrame"]
        window = layout["windowFrames"]
        room = (layout["sinkFrames"] + window) * tokens
        key, value = (np.zeros((layers, heads, room, size), np.float32) for _ in range(2))
        bias, places = np.full((layers, room), EMPTY_BIAS, np.float32), np.zeros(room, np.int64)
        for at, kept in enumerate(self.caches[step].slots()):
            where = slice(at * tokens, (at + 1) * tokens)
            key[:, :, where], value[:, :, where] = kept.key, kept.value
            bias[:, where], places[where] = np.log(kept.count), max(0, window - kept.age)
        cached = [np.repeat(table[None], layers, 0) for table in self._tables(places)]
        own = self._tables(np.full(tokens, window))
        return dict(zip(CACHE_INPUTS, (key, value, bias, *cached, *own), strict=True))

    def _tables(self, positions: NDArray[np.int64]) -> tuple[Floats, Floats]:
        position = self.layout["position"]
        half = position["rotaryDim"] // 2
        angles = positions[:, None] * position["theta"] ** (-np.arange(half) / half)
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
