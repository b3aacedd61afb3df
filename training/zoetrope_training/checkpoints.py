"""Where training keeps what it learned: runs of this machine, and the weights that shipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TRAINING = Path(__file__).resolve().parents[1]


@dataclass
class Shelf:
    """The checkpoints of one world.

    Attributes:
        runs: checkpoints, logs and strips of this machine's runs; not in git.
        shipped: weights the shipped package was exported from, without the optimiser's state.
    """

    runs: Path
    shipped: Path

    @staticmethod
    def of(world: str) -> Shelf:
        """The shelf of the world named so."""
        return Shelf(TRAINING / "runs" / world, TRAINING / "checkpoints" / world)

    def newest(self, name: str) -> Path | None:
        """The checkpoint `name` of a run on this machine, else the shipped one, else None."""
        return next((path for path in (self.runs / name, self.shipped / name) if path.exists()), None)

    def find(self, name: str, advice: str) -> Path:
        """As `newest`.

        Raises:
            FileNotFoundError: there is none; the message ends with `advice`.
        """
        path = self.newest(name)
        if path is None:
            raise FileNotFoundError(f"no {name} in {self.runs} or {self.shipped}: {advice}")
        return path

    def ship(self, name: str) -> None:
        """Keep what an export needs of this machine's checkpoint `name`; a shipped one stays as it is."""
        if not (self.runs / name).exists():
            return
        kept = torch.load(self.runs / name)
        kept.update(spent_in_all(kept))
        kept.pop("optimiser", None)
        kept.pop("earlier", None)
        if "average" in kept:
            kept.pop("model", None)
        self.shipped.mkdir(parents=True, exist_ok=True)
        torch.save(kept, self.shipped / name)


def spent_in_all(kept: dict[str, Any]) -> dict[str, float]:
    """Seconds and steps of a checkpoint, those of the shipped weights that it began from included."""
    earlier = kept.get("earlier", {"spent": 0.0, "step": 0})
    return {key: kept[key] + earlier[key] for key in ("spent", "step")}


def averaged(kept: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, by the model's own names."""
    prefix = "module."
    return {k.removeprefix(prefix): v for k, v in kept["average"].items() if k.startswith(prefix)}
