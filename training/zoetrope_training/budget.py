"""Training against the clock: progress, learning rate and checkpoints as functions of time spent."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch


class Budget:
    """How much of a time budget is spent, over as many runs as it takes.

    Attributes:
        seconds: the whole budget.
        spent: seconds spent before this run began.
        clock: what seconds are; `time.process_time` counts those of the processor, whoever else keeps it busy.
    """

    def __init__(self, seconds: float, spent: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._start = clock() - spent

    @property
    def elapsed(self) -> float:
        """Seconds spent in all runs."""
        return self._clock() - self._start

    @property
    def progress(self) -> float:
        """Share of the budget spent, in [0, 1]."""
        return min(1.0, self.elapsed / self.seconds)

    def rate(self, peak: float, warm_up: float = 0.02, floor: float = 0.02) -> float:
        """Learning rate: linear warm-up, then cosine down to `floor * peak`."""
        p = self.progress
        if p < warm_up:
            return peak * (p / warm_up + 1e-3)
        return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (p - warm_up) / (1 - warm_up))))


def save_checkpoint(path: Path, **parts: object) -> None:
    """Write a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(parts, partial)
    partial.replace(path)
