"""The dice of a room never seen before are in the noise: what it looks like is a function of a frame's first noise.

The ring of tiles around a room carries its hue, pattern and wall: sums over the tiles of its top and bottom row
and over its left and right column, one roll a channel. Each tile of the floor carries its own thing: there is one
where the mean over channels is large, of the kind and colour of the largest channels. Cells of the latent grid are
the tiles of the room, so nothing has to be looked up elsewhere.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from . import rules
from .rules import INNER, SIDE

CHANNELS = 12
"""Channels of the noise; the first 8 roll the hue, the other 4 the pattern."""
THRESHOLD = 1.40
"""Mean over channels, times the root of their number, above which a thing stands on a tile: about 1 tile in 12."""


@cache
def _ring() -> tuple[Tensor, Tensor]:
    """Which cells roll the hue and pattern, and which the wall: bool [SIDE, SIDE] each."""
    ends, sides = torch.zeros(SIDE, SIDE, dtype=torch.bool), torch.zeros(SIDE, SIDE, dtype=torch.bool)
    ends[[0, -1]] = True
    sides[1:-1, [0, -1]] = True
    return ends, sides


def _sums(noise: Tensor, cells: Tensor) -> Tensor:
    """Standard normal sums over cells: [n, channels]."""
    return (noise * cells).sum((2, 3)) / float(cells.sum()) ** 0.5


def rooms_of(noise: Tensor) -> Tensor:
    """The rooms that noise [n, CHANNELS, SIDE, SIDE] describes: int64 [n, ROW]."""
    ends, sides = _ring()
    floor, wall = _sums(noise, ends), _sums(noise, sides)[:, : rules.WALLS]
    cells = noise[:, :, 1:-1, 1:-1]
    stands = (cells.mean(1) * CHANNELS**0.5 > THRESHOLD) & rules.open_tiles()
    kind, colour = cells[:, : rules.KINDS].argmax(1), cells[:, rules.KINDS :].argmax(1)
    thing = torch.where(stands, kind * rules.COLOURS + colour, rules.NOTHING)
    attributes = [floor[:, : rules.HUES].argmax(1), floor[:, rules.HUES :].argmax(1), wall.argmax(1)]
    return torch.cat([torch.stack(attributes, 1), thing.flatten(1)], 1)


def couple(noise: Tensor, row: Tensor) -> Tensor:
    """Noise that describes the rooms `row` [n, ROW] and is otherwise as random as before.

    Largest rolls are exchanged with those that have to be largest, and means are moved to the right side of
    `THRESHOLD` by drawing them again given that side. So noise of random rooms is independent and standard normal.

    Shapes: noise [n, CHANNELS, SIDE, SIDE]; returns the same, a new tensor.
    """
    noise = noise.clone()
    ends, sides = _ring()
    floor, wall = _sums(noise, ends), _sums(noise, sides)
    wanted = torch.cat([
        _exchange(floor[:, : rules.HUES], row[:, 0]), _exchange(floor[:, rules.HUES :], row[:, 1]),
    ], 1)
    noise[:, :, ends] += ((wanted - floor) / float(ends.sum()) ** 0.5)[:, :, None]
    turned = torch.cat([_exchange(wall[:, : rules.WALLS], row[:, 2]), wall[:, rules.WALLS :]], 1)
    noise[:, :, sides] += ((turned - wall) / float(sides.sum()) ** 0.5)[:, :, None]
    noise[:, :, 1:-1, 1:-1] = _with_things(noise[:, :, 1:-1, 1:-1], row[:, rules.THINGS :].reshape(-1, INNER, INNER))
    return noise


def _exchange(rolls: Tensor, best: Tensor) -> Tensor:
    """Rolls [n, k, ...] with the largest exchanged so that it is the one at `best` [n, ...]."""
    most = rolls.argmax(1, keepdim=True)
    best = best[:, None]
    there, here = rolls.gather(1, most), rolls.gather(1, best)
    return rolls.scatter(1, most, here).scatter(1, best, there)


def _with_things(cells: Tensor, thing: Tensor) -> Tensor:
    """Noise of the floor's cells [n, CHANNELS, INNER, INNER] with things [n, INNER, INNER] in it."""
    stands = thing != rules.NOTHING
    known = thing.clamp(min=0)
    kind, colour = torch.div(known, rules.COLOURS, rounding_mode="floor"), known % rules.COLOURS
    turned = torch.cat([_exchange(cells[:, : rules.KINDS], kind), _exchange(cells[:, rules.KINDS :], colour)], 1)
    cells = torch.where(stands[:, None], turned, cells)
    root = CHANNELS**0.5
    roll = cells.mean(1) * root
    edge = torch.special.ndtr(torch.tensor(THRESHOLD, dtype=torch.float64))
    share = torch.rand(roll.shape, dtype=torch.float64)
    inside = torch.where(stands, edge + share * (1 - edge), share * edge).clamp(1e-9, 1 - 1e-9)
    agrees = (roll > THRESHOLD) == stands
    again = torch.where(agrees | ~rules.open_tiles(), roll, torch.special.ndtri(inside).float())
    return cells + ((again - roll) / root)[:, None]


def random_worlds(count: int, generator: torch.Generator) -> Tensor:
    """Worlds whose rooms are drawn from the dice: int64 [count, ROOMS, ROW]."""
    noise = torch.randn(count * rules.ROOMS, CHANNELS, SIDE, SIDE, generator=generator)
    return rooms_of(noise).unflatten(0, (count, rules.ROOMS))


def same_room(a: Tensor, b: Tensor) -> Tensor:
    """Whether rows [n, ROW] describe the same room; bool [n]."""
    return F.pairwise_distance(a.float(), b.float()) < 0.5
