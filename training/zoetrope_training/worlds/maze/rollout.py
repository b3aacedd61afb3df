"""Roll the model on its own pictures with a full memory, beside the maze that gets the same keys and dice."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .tiles import TileAutoencoder
from ...level_model import LevelWorldModel, best_levels
from ...memory import Memory, Stream
from . import rules
from .data import draw_codes, latents
from .dice import random_worlds, rooms_of
from .play import Player, begin
from .render import render

SIGMAS = (1.0, 0.5)
"""Noise levels of the two denoising steps, the package's default."""
TRACKS = 12
TRACK_FRAMES = 160
TRACK_SEED = 99


@torch.no_grad()
def denoise(model: LevelWorldModel, features: Tensor, previous: Tensor, noise: Tensor, sigmas: tuple[float, ...] = SIGMAS) -> Tensor:
    """The next latents [batch, C, H, W] from features, the last two frames [batch, 2, C, H, W] and noise."""
    made = noise
    for sigma in sigmas:
        sample = (1 - sigma) * made + sigma * noise
        made = best_levels(model.denoiser(sample, torch.full((len(noise),), sigma), features, previous), model.levels)
    return made


class Walk:
    """Generated walks and the maze beside them, which learns of new rooms by the dice that the model got.

    `world` starts as drawn, but a room not yet seen becomes what the noise says when its door is first taken.
    """

    def __init__(self, model: LevelWorldModel, autoencoder: TileAutoencoder, memory: Memory, walks: int, generator: torch.Generator) -> None:
        self._model, self._autoencoder, self._generator = model, autoencoder, generator
        self.world = random_worlds(walks, generator)
        self.state = begin(self.world, generator)
        self.seen = torch.zeros(walks, rules.ROOMS, dtype=torch.bool)
        self.seen[torch.arange(walks), self.state.room] = True
        self._player = Player(self.world, self.state, generator)
        self._stream = Stream(model, memory)
        first = latents(draw_codes(self.world, self.state), model.levels)
        self.latent, self._before = first, first

    def step(self) -> Tensor:
        """One frame; returns the truth's latents, shaped as `latent`, which is what the model made."""
        control = self._player(self.state)
        noise = torch.randn(self.latent.shape, generator=self._generator)
        leaving = rules.exit_of(self.state, control)
        room = rules.beyond(self.state.room, leaving)
        who = torch.arange(len(room))
        new = ~self.seen[who, room]
        self.world[who, room] = torch.where(new[:, None], rooms_of(noise), self.world[who, room])
        self.seen[who, room] = True
        self.state = rules.step(self.world, self.state, control)
        features = self._stream.features(self.latent, control)
        made = denoise(self._model, features, torch.stack([self._before, self.latent], 1), noise)
        self._before, self.latent = self.latent, made
        return latents(draw_codes(self.world, self.state), self._model.levels)

    def pictures(self, walk: int) -> Tensor:
        """Truth above generated: [3, 2 * SIZE, SIZE]."""
        made = self._autoencoder.decoder(self.latent[walk : walk + 1]).clamp(0, 1)[0]
        return torch.cat([render(self.world, self.state)[walk], made], 1)


@torch.no_grad()
def track(model: LevelWorldModel, autoencoder: TileAutoencoder, strip: Path) -> str:
    """How far generated walks stray from the maze, as a line for the log; writes a strip of both."""
    generator = torch.Generator().manual_seed(TRACK_SEED)
    memory = Memory(model.config.transformer, TRACKS, model.config.tokens_per_frame, None)
    walk = Walk(model, autoencoder, memory, TRACKS, generator)
    wrong, columns, room = torch.zeros(TRACK_FRAMES), [], walk.state.room[0]
    for frame in range(TRACK_FRAMES):
        truth = walk.step()
        wrong[frame] = (walk.latent != truth).any(1).float().mean()
        if frame % 20 == 19 or walk.state.room[0] != room:
            columns.append(walk.pictures(0))
        room = walk.state.room[0]
    Image.fromarray((torch.cat(columns, 2) * 255).byte().permute(1, 2, 0).numpy()).save(strip)
    at = [0, 3, 15, 31, 63, 127]
    return "cells wrong at frame " + " ".join(f"{f + 1}: {100 * wrong[f]:.1f}%" for f in at)
