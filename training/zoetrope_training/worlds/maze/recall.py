"""What a model still knows of a room when its door is taken again, by how long ago it was seen and by what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .tiles import TileAutoencoder
from ...level_model import LevelWorldModel
from ...memory import Grouped, Memory, Merged, RandomDrop, Stream
from . import rules
from .compressor import fold_mean
from .data import Episodes, latents, play_episodes
from .dice import couple
from .probe import ATTRIBUTES, CHANCE, invented, read, right
from .rollout import denoise
from .train_compressor import GROUP

BINS = ((1, 30), (30, 100), (100, 300), (300, 1000))
"""Frames since a room was last in view, from and below."""

MakeMemory = Callable[[int, int], Memory]
"""A memory for (walks, slots)."""


def policies(model: LevelWorldModel, compressors: nn.ModuleDict | None, threshold: float) -> dict[str, MakeMemory]:
    """Every way to keep the past that is compared, by name."""
    config, tokens = model.config.transformer, model.config.tokens_per_frame
    grouped = lambda compress: lambda walks, slots: Grouped(config, walks, tokens, slots, compress, GROUP)
    mean = lambda raster: lambda key, value: fold_mean(key, value, GROUP, raster)
    chosen: dict[str, MakeMemory] = {
        "full": lambda walks, slots: Memory(config, walks, tokens, None),
        "newest": lambda walks, slots: Memory(config, walks, tokens, slots),
        "random": lambda walks, slots: RandomDrop(config, walks, tokens, slots, torch.Generator().manual_seed(1)),
        "convkv mean raster": grouped(mean(True)),
        "convkv mean temporal": grouped(mean(False)),
        "tempcache": lambda walks, slots: Merged(config, walks, tokens, slots, threshold),
        "tempcache without log m": lambda walks, slots: Merged(config, walks, tokens, slots, threshold, counts=False),
    }
    if compressors is not None:
        for name in ("raster", "temporal"):
            chosen[f"convkv learned {name}"] = grouped(compressors[name])
    return chosen


@dataclass
class Score:
    """How much of the rooms of one kind came back right.

    Attributes:
        hits, cases: int64 [4], of each of `ATTRIBUTES`.
        rooms: doors taken; `whole` of them led to a picture that some state explains.
        extra: things seen that were not there.
    """

    hits: Tensor = field(default_factory=lambda: torch.zeros(len(ATTRIBUTES), dtype=torch.long))
    cases: Tensor = field(default_factory=lambda: torch.zeros(len(ATTRIBUTES), dtype=torch.long))
    rooms: int = 0
    whole: int = 0
    extra: int = 0

    def add(self, seen: Tensor, true: Tensor, whole: Tensor) -> None:
        """Count the reading of a picture, rows [1, ROW], against the room's truth."""
        hits, cases = right(seen, true)
        self.hits += hits.sum(0)
        self.cases += cases.sum(0)
        self.rooms += len(seen)
        self.whole += int(whole.sum())
        self.extra += int(invented(seen, true).sum())

    @property
    def share(self) -> float:
        """Share of all attributes that are right."""
        return float(self.hits.sum() / self.cases.sum().clamp(min=1))

    def table(self) -> dict[str, float | int]:
        """As figures to print."""
        shares = (self.hits / self.cases.clamp(min=1)).tolist()
        return {
            "rooms": self.rooms, "attributes": round(self.share, 4), **{n: round(s, 4) for n, s in zip(ATTRIBUTES, shares, strict=True)},
            "whole": round(self.whole / max(1, self.rooms), 4), "things_invented_a_room": round(self.extra / max(1, self.rooms), 3),
        }


def ages_of(room: Tensor) -> Tensor:
    """Frames since the room after each transition was last in view, 0 where it never was: int64 [walks, frames - 1]."""
    walks, frames = room.shape
    last = torch.full((walks, rules.ROOMS), -1)
    ages = torch.zeros(walks, frames - 1, dtype=torch.long)
    who = torch.arange(walks)
    for frame in range(frames - 1):
        last[who, room[:, frame]] = frame
        seen = last[who, room[:, frame + 1]]
        ages[:, frame] = torch.where(seen >= 0, frame + 1 - seen, 0)
    return ages


def walks_of(walks: int, frames: int, seed: int) -> Episodes:
    """Walks in worlds that training never saw."""
    return play_episodes(walks, frames, torch.Generator().manual_seed(seed))


@torch.no_grad()
def recall(model: LevelWorldModel, autoencoder: TileAutoencoder, episodes: Episodes, memory: Memory, seed: int) -> dict[str, Score]:
    """Stream true walks, and compare what the model draws behind each door with what is there.

    Returns:
        A score for each of `BINS`, by its name, and "new" for rooms never seen, whose truth is in the noise.
    """
    torch.manual_seed(seed)
    stream = Stream(model, memory)
    ages, crosses = ages_of(episodes.room), episodes.crosses
    scores = {"new": Score()} | {f"{low}-{high}": Score() for low, high in BINS}
    before = latents(episodes.codes[:, 0], model.levels)
    for frame in range(crosses.shape[1]):
        now = latents(episodes.codes[:, frame], model.levels)
        features = stream.features(now, episodes.control[:, frame])
        who = crosses[:, frame].nonzero()[:, 0]
        if len(who) > 0:
            true = episodes.world[who, episodes.room[who, frame + 1]]
            age = ages[who, frame]
            noise = torch.randn(now[who].shape)
            noise = torch.where((age == 0)[:, None, None, None], couple(noise, true), noise)
            made = denoise(model, features[who], torch.stack([before, now], 1)[who], noise)
            reading = read(autoencoder.decoder(made).clamp(0, 1))
            for index, years in enumerate(age.tolist()):
                name = next((f"{low}-{high}" for low, high in BINS if low <= years < high), None if years else "new")
                if name is not None:
                    one = slice(index, index + 1)
                    scores[name].add(reading.row[one], true[one], reading.whole[one])
        before = now
    return scores


def chance_of(score: Score) -> float:
    """Share of attributes that a room drawn from the dice would get right, for the same rooms."""
    likely = torch.tensor([CHANCE[name] for name in ATTRIBUTES])
    return float((likely * score.cases).sum() / score.cases.sum().clamp(min=1))
