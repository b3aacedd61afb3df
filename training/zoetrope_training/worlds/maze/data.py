"""Episodes of walks as latent codes, and clips of segments drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...segments import segment_of, visible
from . import rules
from .dice import random_worlds
from .play import Player, begin, roll
from .render import pose, tiles_of
from .rules import State
from .tiles import OFFSETS, TileAutoencoder, player_parts, scenery_codes

RENDER_BATCH = 256
MOST_SEGMENTS = 32


@dataclass(frozen=True)
class Episodes:
    """Codes and what made them.

    Attributes:
        codes: uint8 [episodes, frames, channels, SIDE, SIDE], the level index of every channel.
        control: float32 [episodes, frames - 1, 4]; entry t leads from frame t to frame t + 1.
        room: int64 [episodes, frames].
        world: int64 [episodes, ROOMS, ROW].
    """

    codes: Tensor
    control: Tensor
    room: Tensor
    world: Tensor

    @property
    def crosses(self) -> Tensor:
        """Which transitions lead through a door: bool [episodes, frames - 1]."""
        return self.room[:, 1:] != self.room[:, :-1]


@torch.no_grad()
def encode(model: TileAutoencoder, picture: Tensor) -> Tensor:
    """Pictures [n, 3, size, size] to codes, uint8 [n, channels, SIDE, SIDE]."""
    return ((model.encoder(picture) + 1) * ((model.config.levels - 1) / 2)).round().to(torch.uint8)


def latents(codes: Tensor, levels: int) -> Tensor:
    """Codes to latents in [-1, 1], float32, same shape."""
    return codes.float() * (2 / (levels - 1)) - 1


def draw_codes(world: Tensor, state: State) -> Tensor:
    """The codes of `render(world, state)`, without drawing it: uint8 [batch, channels, SIDE, SIDE]."""
    codes = scenery_codes()[tiles_of(rules.room_of(world, state.room), state.room)]
    parts = player_parts()[1]
    cell = torch.div(torch.stack([state.y, state.x], 1), rules.TILE, rounding_mode="floor").clamp(max=rules.SIDE - 2)
    who, which = torch.arange(len(codes)), pose(state)
    for below in (0, 1):
        for beside in (0, 1):
            row, column = cell[:, 0] + below, cell[:, 1] + beside
            down, across = (_offset(place, tile) for place, tile in ((state.y, row), (state.x, column)))
            shows = (down >= 0) & (down < OFFSETS) & (across >= 0) & (across < OFFSETS)
            part = parts[which, down.clamp(0, OFFSETS - 1), across.clamp(0, OFFSETS - 1)]
            codes[who, row, column] += part * shows[:, None]
    return codes.permute(0, 3, 1, 2).contiguous()


def _offset(place: Tensor, tile: Tensor) -> Tensor:
    """The player's offset to a tile along one direction, as `player_parts` counts it."""
    return torch.div(place - rules.TILE * tile, rules.UNIT, rounding_mode="floor") + rules.BODY // rules.UNIT - 1


def play_episodes(count: int, frames: int, generator: torch.Generator) -> Episodes:
    """`count` walks of `frames` frames, each in a world of its own."""
    parts = []
    for first in range(0, count, RENDER_BATCH):
        world = random_worlds(min(RENDER_BATCH, count - first), generator)
        state = begin(world, generator)
        states, control = roll(world, state, frames - 1, Player(world, state, generator))
        room = torch.stack([one.room for one in states], 1)
        codes = torch.stack([draw_codes(world, one) for one in states], 1)
        parts.append(Episodes(codes, control.transpose(0, 1), room, world))
    return Episodes(*(torch.cat(columns) for columns in zip(*(part.__dict__.values() for part in parts), strict=True)))


@dataclass(frozen=True)
class Clips:
    """A batch of clips of segments, T frames each.

    Attributes:
        context, target: uint8 codes [batch, T, channels, SIDE, SIDE], each frame and the one after it.
        control: float32 [batch, T, 4].
        crosses: bool [batch, T], a door is taken in that transition.
        source: bool [batch, T, T], which of the frames that frame t attends to show the target's room.
        row: int64 [batch, T, ROW], what the target's room is like.
    """

    context: Tensor
    target: Tensor
    control: Tensor
    crosses: Tensor
    source: Tensor
    row: Tensor

    @property
    def known(self) -> Tensor:
        """Whether the target's room is among the frames that frame t attends to: bool [batch, T]."""
        return self.source.any(2)


class Sampler:
    """Draws clips whose segments mostly lead through a door, in any order of time."""

    def __init__(self, episodes: Episodes, generator: torch.Generator) -> None:
        self._episodes, self._generator = episodes, generator
        crosses = episodes.crosses
        self._count = crosses.sum(1)
        order = torch.where(crosses, torch.arange(crosses.shape[1]), crosses.shape[1] * 2)
        self._at = order.sort(1).values[:, : max(MOST_SEGMENTS, int(self._count.max()))]

    def __call__(self, batch: int, lengths: tuple[int, ...], crossing: float) -> Clips:
        """Clips of segments of `lengths` frames, a share `crossing` of which contain a door."""
        episodes, segments = self._episodes, len(lengths)
        frames = episodes.codes.shape[1]
        which = torch.randint(0, len(episodes.codes), (batch,), generator=self._generator)
        roll = torch.rand(batch, self._at.shape[1], generator=self._generator)
        roll = roll.masked_fill(torch.arange(self._at.shape[1]) >= self._count[which, None], 2.0)
        chosen = roll.argsort(1)[:, :segments]
        door = self._at[which].gather(1, chosen)
        length = torch.tensor(lengths)
        before = (torch.rand(batch, segments, generator=self._generator) * length).long()
        anywhere = (torch.rand(batch, segments, generator=self._generator) * (frames - length - 1)).long()
        use = (torch.rand(batch, segments, generator=self._generator) < crossing) & (door < frames)
        start = torch.where(use, door - before, anywhere).clamp(min=0)
        start = torch.minimum(start, frames - length - 1)
        offset = torch.cat([torch.arange(n) for n in lengths])
        at = start[:, segment_of(lengths)] + offset
        return self._cut(which[:, None], at, visible(lengths))

    def _cut(self, which: Tensor, at: Tensor, sees: Tensor) -> Clips:
        episodes = self._episodes
        here, there = episodes.room[which, at], episodes.room[which, at + 1]
        source = (here[:, None] == there[:, :, None]) & sees
        return Clips(
            episodes.codes[which, at], episodes.codes[which, at + 1], episodes.control[which, at], here != there, source,
            episodes.world[which, there],
        )
