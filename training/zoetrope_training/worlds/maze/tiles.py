"""An autoencoder that codes every tile of a picture alone, and all the tiles there are with their codes.

Rooms are made of tiles that do not touch one another's looks, so a tile's code need not depend on its neighbours or
its place: a room that is remembered comes back code by code. The tiles are few enough to list, and what each shows
is known, so codes are given and not found: one or two channels for each thing that can differ. The encoder learns
to read them, the decoder to draw them, and both are checked on every tile. Latents lie on a grid of levels (finite
scalar quantisation, arXiv:2309.15505), as those of `zoetrope_training.autoencoder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...autoencoder import hats, quantise
from . import art
from .render import BARE, FIRST_MAP, FIRST_WALL, STYLES, atlas
from .rules import BODY, COLOURS, MAP, PATTERNS, TILE, UNIT


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
        """As `forward`, not rounded, about [-1, 1]."""
        x = F.relu(self.first(F.pixel_unshuffle(picture - 0.5, TILE)))
        return self.last(F.relu(self.mix(x)))


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

    def forward(self, picture: Tensor) -> Tensor:
        """Pictures to their reconstruction, same shape."""
        return self.decoder(self.encoder(picture))


HUE, WAY, PATTERN, CLASS, KIND, KIND_HALF, COLOUR, HALF, FACING, ACROSS, ACROSS_HALF, DOWN = range(12)
"""Channels: what the floor is like (HUE and WAY, PATTERN), what a tile holds, and which part of the player it shows."""
FLOOR, THING, PLAYER, WALL, SMALL_MAP = range(5)
"""Levels of `CLASS`."""
TOP = 4
"""The largest level; where there are two choices, they are 0 and this."""
OFFSETS = (BODY + TILE) // UNIT - 1
"""Offsets of the player to a tile, in each direction, at which a part of it shows."""


@cache
def scenery_codes() -> Tensor:
    """The code of every tile of the atlas: uint8 [n, 12]."""
    index = torch.arange(len(atlas()))
    codes = torch.zeros(len(index), 12, dtype=torch.long)
    thing, wall, small = index - BARE, index - FIRST_WALL, index - FIRST_MAP
    is_thing, is_wall, is_map = (index >= BARE) & (thing < FIRST_WALL - BARE), (wall >= 0) & (small < 0), small >= 0
    floor = torch.where(is_thing, torch.div(thing, STYLES, rounding_mode="floor"), index)
    put = lambda channel, where, level: codes[:, channel].copy_(torch.where(where, level, codes[:, channel]))
    half = lambda n, size: torch.div(n, size, rounding_mode="floor")
    has_floor = ~is_wall & ~is_map
    put(HUE, has_floor, half(floor, PATTERNS) % 4)
    put(WAY, has_floor, half(floor, 4 * PATTERNS) * TOP)
    put(PATTERN, has_floor, floor % PATTERNS)
    kind, colour = half(thing % STYLES, COLOURS), thing % COLOURS
    place = (wall % 8).clamp(max=4)  # corners look alike
    for where, level, parts in (
        (is_thing, THING, {KIND: kind % 3, KIND_HALF: half(kind, 3) * TOP, COLOUR: colour % 3, HALF: half(colour, 3) * TOP}),
        (is_wall, WALL, {KIND: half(wall, 8), COLOUR: place % 4, HALF: half(place, 4) * TOP}),
        (is_map, SMALL_MAP, {KIND: half(small, MAP), COLOUR: small % MAP}),
    ):
        put(CLASS, where, torch.full_like(index, level))
        for channel, levels in parts.items():
            put(channel, where, levels)
    return codes.to(torch.uint8)


@cache
def player_parts() -> tuple[Tensor, Tensor]:
    """What a tile shows of the player, and its code.

    Returns:
        float32 [poses, OFFSETS, OFFSETS, 4, TILE, TILE], by pose and by the player's offset down and across.
        uint8 [poses, OFFSETS, OFFSETS, 12], the code on a floor of zeros; parts that look alike share the first one's,
        and `CLASS` is `FLOOR` where nothing shows.
    """
    sprites = art.players().flatten(0, 1)
    count = len(sprites)
    frame = torch.zeros(count, OFFSETS, OFFSETS, 4, TILE, TILE)
    codes = torch.zeros(count, OFFSETS, OFFSETS, 12, dtype=torch.uint8)
    known: dict[bytes, Tensor] = {}
    for pose in range(count):
        canvas = torch.zeros(4, 3 * TILE, 3 * TILE)
        for down in range(OFFSETS):
            for across in range(OFFSETS):
                top, left = (TILE + UNIT * (place - BODY // UNIT + 1) for place in (down, across))
                canvas.zero_()
                canvas[:, top : top + BODY, left : left + BODY] = sprites[pose]
                part = canvas[:, TILE : 2 * TILE, TILE : 2 * TILE]
                frame[pose, down, across] = part
                own = torch.zeros(12, dtype=torch.uint8)
                own[[CLASS, FACING, ACROSS, ACROSS_HALF, DOWN, HALF]] = torch.tensor(
                    [PLAYER, pose // 2 + 1, across % 3, across // 3 + 2 * (pose % 2), down % 3, down // 3 * TOP], dtype=torch.uint8
                )
                looks = (part * part[3:]).numpy().tobytes()
                codes[pose, down, across] = known.setdefault(looks, own if part[3].any() else torch.zeros_like(own))
    return frame, codes


def player_tiles() -> tuple[Tensor, Tensor]:
    """Every floor with every part of the player: uint8 [n, 3, TILE, TILE], and codes uint8 [n, 12]."""
    frame, codes = (part.flatten(0, 2) for part in player_parts())
    shows = codes[:, CLASS] == PLAYER
    part, floors = frame[shows], atlas()[:BARE].float() / 255
    drawn = floors[:, None] * (1 - part[:, 3:]) + part[:, :3] * part[:, 3:]
    both = scenery_codes()[:BARE, None] + codes[shows]
    return (drawn.flatten(0, 1) * 255).round().to(torch.uint8), both.flatten(0, 1)


def every_tile() -> tuple[Tensor, Tensor, Tensor]:
    """All tiles a true picture can show, uint8 [n, 3, TILE, TILE], their codes, and how often each is to be drawn.

    A fifth of the draws are floors, walls and small maps, two fifths things and two fifths the player.
    """
    scenery, (players, codes) = atlas(), player_tiles()
    index = torch.arange(len(scenery))
    is_thing = (index >= BARE) & (index < FIRST_WALL)
    share = torch.where(is_thing, 0.4 / is_thing.sum(), 0.2 / (~is_thing).sum())
    shares = torch.cat([share, torch.full((len(players),), 0.4 / len(players))])
    return torch.cat([scenery, players]), torch.cat([scenery_codes(), codes]), shares
