"""Where training keeps what it learned: runs of this machine, and the weights that shipped."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

TRAINING = Path(__file__).resolve().parents[3]
RUNS = TRAINING / "runs" / "arcade"
"""Checkpoints, logs and strips of this machine's runs; not in git."""
SHIPPED = TRAINING / "checkpoints" / "arcade"
"""Weights the shipped package was exported from; without the optimiser's state."""


def newest(name: str) -> Path | None:
    """The checkpoint `name` of a run on this machine, else the shipped one, else None."""
    return next((path for path in (RUNS / name, SHIPPED / name) if path.exists()), None)


def ship(name: str) -> None:
    """Keep what an export needs of this machine's checkpoint `name`."""
    kept = torch.load(RUNS / name)
    kept.pop("optimiser")
    SHIPPED.mkdir(parents=True, exist_ok=True)
    torch.save(kept, SHIPPED / name)


def averaged(kept: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, by the model's own names."""
    prefix = "module."
    return {k.removeprefix(prefix): v for k, v in kept["average"].items() if k.startswith(prefix)}
