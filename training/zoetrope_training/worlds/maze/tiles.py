"""An autoencoder that codes every tile of a picture alone, and all the tiles there are.

Rooms are made of tiles that do not touch one another's looks, so a tile's code need not depend on its neighbours or
its place: a room that is remembered comes back code by code. The tiles are few enough to list, so training goes
through all of them and the error that is left is known, not estimated. Latents lie on a grid (finite scalar
quantisation, arXiv:2309.15505), as those of `zoetrope_training.autoencoder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...autoencoder import blur, hats, quantise
from . import art
from .render import BARE, FIRST_WALL, atlas
from .rules import BODY, TILE, UNIT


@dataclass(frozen=True)
class TileConfig:
    """Sizes of a tile autoencoder: latent channels, levels of each, channels within."""

    channels: int = 12
    levels: int = 5
    width: int = 512


class TileEncoder(nn.Module):
    """Pictures to codes, tile by tile."""

    def __init__(self, config: TileConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(3 * TILE**2, config.width, 1)
        self.mix = nn.Conv2d(config.width, config.width, 1)
        self.last = nn.Conv2d(config.width, config.channels, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Pictures [n, 3, h, w] in [0, 1] to latents on the grid of levels, [n, channels, h / TILE, w / TILE]."""
        return quantise(self.continuous(picture), self.config.levels)

    def continuous(self, picture: Tensor) -> Tensor:
        """As `forward`, not rounded, in (-1, 1)."""
        x = F.relu(self.first(F.pixel_unshuffle(picture - 0.5, TILE)))
        return torch.tanh(self.last(F.relu(self.mix(x))))


class TileDecoder(nn.Module):
    """Codes to pictures, tile by tile."""

    def __init__(self, config: TileConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(config.channels * config.levels, config.width, 1)
        self.mix = nn.Conv2d(config.width, config.width, 1)
        self.last = nn.Conv2d(config.width, 3 * TILE**2, 1)

    def forward(self, latent: Tensor) -> Tensor:
        """Latents [n, channels, h, w] to pictures [n, 3, h * TILE, w * TILE], about [0, 1], not clipped."""
        x = F.relu(self.first(hats(latent, self.config.levels)))
        return F.pixel_shuffle(self.last(F.relu(self.mix(x))), TILE) + 0.5


class TileAutoencoder(nn.Module):
    """Both halves."""

    def __init__(self, config: TileConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = TileEncoder(config)
        self.decoder = TileDecoder(config)

    def forward(self, picture: Tensor, rounds: bool = True) -> Tensor:
        """Pictures to their reconstruction, same shape; blurs instead of rounding unless `rounds`."""
        latent = self.encoder.continuous(picture)
        return self.decoder((quantise if rounds else blur)(latent, self.config.levels))


def player_tiles() -> Tensor:
    """Every floor with every part of every sprite that a tile can show: uint8 [n, 3, TILE, TILE]."""
    floors, sprites = atlas()[:BARE].float() / 255, art.players().flatten(0, 1)
    margin = BODY - UNIT
    parts = []
    for top in range(-margin, TILE, UNIT):
        for left in range(-margin, TILE, UNIT):
            frame = torch.zeros(len(sprites), 4, TILE + 2 * BODY, TILE + 2 * BODY)
            row, column = top + BODY, left + BODY
            frame[:, :, row : row + BODY, column : column + BODY] = sprites
            parts.append(frame[:, :, BODY : BODY + TILE, BODY : BODY + TILE])
    part = torch.cat(parts)
    part = part[part[:, 3].flatten(1).any(1)]
    drawn = floors[:, None] * (1 - part[:, 3:]) + part[:, :3] * part[:, 3:]
    return (drawn.flatten(0, 1) * 255).round().to(torch.uint8)


def every_tile() -> tuple[Tensor, Tensor]:
    """All tiles a true picture can show, uint8 [n, 3, TILE, TILE], and how often each is drawn in training, float [n].

    A fifth of the draws are floors, walls and small maps, two fifths things and two fifths the player.
    """
    scenery, players = atlas(), player_tiles()
    index = torch.arange(len(scenery))
    is_thing = (index >= BARE) & (index < FIRST_WALL)
    share = torch.where(is_thing, 0.4 / is_thing.sum(), 0.2 / (~is_thing).sum())
    return torch.cat([scenery, players]), torch.cat([share, torch.full((len(players),), 0.4 / len(players))])
