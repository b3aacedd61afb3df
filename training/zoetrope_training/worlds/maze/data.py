"""Episodes of walks as latent codes, and clips of segments drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .tiles import TileAutoencoder
from ...segments import segment_of, visible
from . import rules
from .art import players
from .dice import random_worlds
from .play import Player, begin, roll
from .render import atlas, blit, pose, tiles_of
from .rules import State

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


@torch.no_grad()
def draw_codes(model: TileAutoencoder, world: Tensor, state: State) -> Tensor:
    """The codes of `render(world, state)`, uint8 [batch, channels, SIDE, SIDE].

    Codes are local, so each tile of the atlas is coded once, and of a picture only the four tiles around the player.
    """
    row = rules.room_of(world, state.room)
    tiles = tiles_of(row, state.room)
    codes = atlas_codes(model)[tiles].permute(0, 3, 1, 2).contiguous()
    corner = torch.stack([state.y, state.x], 1).div(rules.TILE, rounding_mode="floor").clamp(max=rules.SIDE - 2)
    who, span = torch.arange(len(tiles))[:, None, None], torch.arange(2)
    down, across = (corner[:, :1] + span)[:, :, None], (corner[:, 1:] + span)[:, None]
    around = atlas()[tiles[who, down, across]].float() / 255
    picture = around.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, 2 * rules.TILE, 2 * rules.TILE)
    x, y = state.x - rules.TILE * corner[:, 1], state.y - rules.TILE * corner[:, 0]
    codes[who, :, down, across] = encode(model, blit(picture, players().flatten(0, 1)[pose(state)], x, y)).movedim(1, -1)
    return codes


def atlas_codes(model: TileAutoencoder) -> Tensor:
    """The codes of every tile of the atlas: uint8 [n, channels]."""
    return encode(model, atlas().float() / 255).flatten(1)


def play_episodes(model: TileAutoencoder, count: int, frames: int, generator: torch.Generator) -> Episodes:
    """`count` walks of `frames` frames, each in a world of its own."""
    parts = []
    for first in range(0, count, RENDER_BATCH):
        world = random_worlds(min(RENDER_BATCH, count - first), generator)
        state = begin(world, generator)
        states, control = roll(world, state, frames - 1, Player(world, state, generator))
        room = torch.stack([one.room for one in states], 1)
        codes = torch.stack([draw_codes(model, world, one) for one in states], 1)
        parts.append(Episodes(codes, control.transpose(0, 1), room, world))
    return Episodes(*(torch.cat(columns) for columns in zip(*(part.__dict__.values() for part in parts), strict=True)))


@dataclass(frozen=True)
class Clips:
    """A batch of clips of segments, T frames each.

    Attributes:
        context, target: uint8 codes [batch, T, channels, SIDE, SIDE], each frame and the one after it.
        control: float32 [batch, T, 4].
        crosses: bool [batch, T], a door is taken in that transition.
        known: bool [batch, T], the room that the target shows is among the frames that frame t attends to.
        row: int64 [batch, T, ROW], what the target's room is like.
    """

    context: Tensor
    target: Tensor
    control: Tensor
    crosses: Tensor
    known: Tensor
    row: Tensor


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
        known = ((here[:, None] == there[:, :, None]) & sees).any(2)
        return Clips(
            episodes.codes[which, at], episodes.codes[which, at + 1], episodes.control[which, at], here != there, known,
            episodes.world[which, there],
        )
