"""What a package's graphs are given while it plays: what int8 ranges are taken from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoetrope_training.player import Player

Feeds = dict[str, NDArray[np.float32]]
Picture = NDArray[np.uint8]

HOLD_FRAMES = 12
"""Frames a key stays as it is, on average."""
HELD_SHARE = 0.4


class _Recorder:
    """A graph that remembers what it was given."""

    def __init__(self, session: object) -> None:
        self._session = session
        self.feeds: list[Feeds] = []

    def run(self, outputs: object, feeds: Feeds) -> object:
        """As the session's own."""
        self.feeds.append({name: value.copy() for name, value in feeds.items()})
        return self._session.run(outputs, feeds)  # type: ignore[attr-defined]


class _Keys:
    """A player who holds each of a few keys for a while and lets go."""

    def __init__(self, count: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._held = np.zeros(count, np.float32)

    def press(self) -> NDArray[np.float32]:
        """The keys of the next block."""
        change = self._random.random(len(self._held)) < 1 / HOLD_FRAMES
        self._held[change] = self._random.random(int(change.sum())) < HELD_SHARE
        return self._held.copy()


def record(
    directory: Path, starts: list[Picture], roles: tuple[str, ...], *, blocks: int, every: int
) -> dict[str, list[Feeds]]:
    """Feeds of the graphs of `roles` while a package of buttons plays by itself; the same ones every time.

    It plays `blocks` blocks from each start with each step count and keeps one of `every`.
    """
    player = Player(directory)
    recorders = {role: _Recorder(player.graphs[role]) for role in roles}
    player.graphs |= recorders
    kept: dict[str, list[Feeds]] = {role: [] for role in roles}
    for seed, start in enumerate(starts):
        for steps in player.manifest["schedule"]["sigmas"]:
            player.start(player.encode(start), seed, int(steps))
            keys = _Keys(len(player.manifest["controls"]), seed)
            for block in range(1, blocks + 1):
                for recorder in recorders.values():
                    recorder.feeds.clear()
                latents = player.next_block(keys.press())
                if block % every == 0:
                    player.decode(latents)
                    for role, recorder in recorders.items():
                        kept[role] += recorder.feeds
    return kept
