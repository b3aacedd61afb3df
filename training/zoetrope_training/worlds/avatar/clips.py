"""Clips to learn from, drawn and encoded once and kept in the run's folder, a shard at a time.

Run: `python -m zoetrope_training.worlds.avatar.clips --shards 40`; `training/run avatar world` does so beside its training.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from ...autoencoder import Autoencoder
from ...budget import save_checkpoint
from . import SHELF
from .data import Listener, draw, plan
from .render import attention
from .speech import tapes
from .train_autoencoder import CONFIG, load_autoencoder

FRAMES = 24
"""Frames of a clip, its reference included."""
PAINTED = 8
"""Frames of a clip that are drawn, at random places after the first."""
SHARD = 128
"""Clips in a shard."""
SCALE = 127
"""What a latent of 1 is kept as."""


@dataclass(frozen=True)
class Clips:
    """Clips as they are kept; T is `FRAMES`, K is `PAINTED`.

    Attributes:
        reference: int8 [n, C, H, W].
        painted: int64 [n, K], which frames are drawn, in order.
        latent: int8 [n, K, C, H, W], those frames.
        weight: uint8 [n, K, H, W], how much their cells matter, 255 the most.
        motion: float32 [n, T, columns of MOTION]; dice: [n, T, 12]; control: [n, T, CONTROLS].
        pcm: int16 [n, (T + WINDOW - 1) * SAMPLES].
    """

    reference: Tensor
    painted: Tensor
    latent: Tensor
    weight: Tensor
    motion: Tensor
    dice: Tensor
    control: Tensor
    pcm: Tensor

    def __len__(self) -> int:
        return len(self.pcm)

    def pick(self, which: Tensor) -> Clips:
        """Some of them."""
        return Clips(*(getattr(self, part.name)[which] for part in fields(self)))


def latents(kept: Tensor) -> Tensor:
    """Latents as they are kept to floats."""
    return kept.float() / SCALE


@torch.no_grad()
def encode(model: Autoencoder, picture: Tensor) -> Tensor:
    """Pictures, uint8 [n, 3, SIZE, SIZE], to latents as they are kept, int8 [n, C, H, W]."""
    parts = [model.encoder.continuous(part.float() / 255) for part in picture.split(32)]
    return (torch.cat(parts) * SCALE).round().to(torch.int8)


def make_clips(count: int, listener: Listener, model: Autoencoder, generator: torch.Generator, *, whole: bool = False, held_out: bool = False) -> Clips:
    """Draw clips; `whole` ones have all frames after the first painted."""
    planned = plan(count, FRAMES, listener, generator, held_out=held_out)
    frames = FRAMES - 1 if whole else PAINTED
    painted = (torch.rand(count, FRAMES - 1, generator=generator).argsort(1)[:, :frames] + 1).sort(1).values
    pose = planned.motion[torch.arange(count)[:, None], painted]
    who = planned.who[:, None].expand(-1, frames, -1)
    reference = encode(model, draw(planned.who, planned.reference))
    latent = encode(model, draw(who.flatten(0, 1), pose.flatten(0, 1)))
    weight = attention(who.flatten(0, 1), pose.flatten(0, 1), CONFIG.grid)
    return Clips(
        reference, painted, latent.unflatten(0, (count, frames)), (weight * 255).to(torch.uint8).unflatten(0, (count, frames)),
        planned.motion, planned.dice, planned.control, (planned.pcm.clamp(-1, 1) * 32767).to(torch.int16),
    )


def shard_path(index: int, *, whole: bool = False) -> Path:
    """Where a shard is kept."""
    return SHELF.runs / f"clips{'-whole' if whole else ''}-{index:03d}.pt"


def fill(shards: int, *, whole: bool = False, threads: int = 1, seed: int = 1) -> None:
    """Make the shards that are missing."""
    torch.set_num_threads(threads)
    recorded, model = tapes(held_out=False), load_autoencoder()
    for index in range(shards):
        path = shard_path(index, whole=whole)
        if not path.exists():
            generator = torch.Generator().manual_seed(100_000 * seed + index)
            save_checkpoint(path, **make_clips(SHARD, Listener(recorded, generator), model, generator, whole=whole).__dict__)
            print(f"clips: shard {index + 1} of {shards}", flush=True)


class Library:
    """All shards that there are, and those that come."""

    def __init__(self, shards: int, *, whole: bool = False) -> None:
        self._whole = whole
        self._wanted = list(range(shards))
        self._clips: list[Clips] = []

    def refresh(self) -> int:
        """Read shards that have been made since; returns how many clips there are."""
        for index in list(self._wanted):
            path = shard_path(index, whole=self._whole)
            if path.exists():
                self._clips.append(Clips(**torch.load(path)))
                self._wanted.remove(index)
        return sum(map(len, self._clips))

    def draw(self, count: int, generator: torch.Generator) -> Clips:
        """Clips at random, all of one shard, whose content is random itself."""
        shard = self._clips[int(torch.randint(0, len(self._clips), (), generator=generator))]
        return shard.pick(torch.randperm(len(shard), generator=generator)[:count])


def main() -> None:
    """Make shards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--whole", action="store_true", help="draw every frame")
    parser.add_argument("--threads", type=int, default=1)
    flags = parser.parse_args()
    fill(flags.shards, whole=flags.whole, threads=flags.threads)


if __name__ == "__main__":
    main()
