"""Walks as latents: drawn once, encoded once, kept as half floats."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .codec import Codec
from .play import World, roll
from .render import render


@dataclass(frozen=True)
class Clips:
    """Latents and what made them.

    Shapes: `latent` half [n, frames, C, H, W], normalised; `which` [n]; `pose` [n, frames, 3]; `control`
    [n, frames - 1, keys], entry t leads from frame t to frame t + 1.
    """

    latent: Tensor
    which: Tensor
    pose: Tensor
    control: Tensor

    def __len__(self) -> int:
        return len(self.latent)


@torch.no_grad()
def walk_clips(codec: Codec, world: World, walks: int, frames: int, generator: torch.Generator) -> Clips:
    """`walks` walks of `frames` pictures, encoded."""
    made = roll(world, walks, frames, generator)
    latent = [codec.encode(render(world.maps, made.which, made.pose[:, t])).half() for t in range(frames)]
    return Clips(torch.stack(latent, 1), made.which, made.pose, made.control)


class Sampler:
    """Draws short clips out of long walks."""

    def __init__(self, clips: Clips, frames: int, generator: torch.Generator) -> None:
        self._clips, self._frames, self._generator = clips, frames, generator

    def __call__(self, count: int) -> Clips:
        """`count` clips of the chosen length; latents as float32."""
        clips = self._clips
        walk = torch.randint(len(clips), (count,), generator=self._generator)
        first = torch.randint(clips.latent.shape[1] - self._frames + 1, (count,), generator=self._generator)
        at = first[:, None] + torch.arange(self._frames)
        return Clips(
            clips.latent[walk[:, None], at].float(), clips.which[walk], clips.pose[walk[:, None], at],
            clips.control[walk[:, None], at[:, :-1]],
        )
