"""Reads the room and the player back from a picture, by synthesis: which room, drawn, explains the picture best?

The small map, the floor and the wall come first, each from the tiles that show nothing else; then the things, tile
by tile; then the player, where a sprite explains most of what the room leaves over. Nothing here was learned, so
the probe has no taste of its own: a smeared thing is simply not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from . import art, render, rules
from .rules import BODY, GAP, INNER, SIDE, TILE, State

ODD = 0.02
"""Squared error above which a tile says nothing more about the floor or wall under it; values in [0, 1]."""
THING_LIKENESS = 0.012
"""Largest mean squared error of a tile with a thing that still counts as that thing."""
PLAYER_LIKENESS = 0.035
"""Largest mean squared error of the player's sprite that still counts as the player."""
SHARE = 0.5
"""Largest share of the error without a thing or the player that may be left with it."""
TWIN = 2
"""Places of the lattice within which a second match is the same player."""
DAMAGE = 0.12
"""Mean absolute error of a tile above which the picture shows something that no state explains."""


@dataclass(frozen=True)
class Reading:
    """What a batch of pictures shows.

    Attributes:
        row: int64 [batch, ROW], the room: hue, pattern, wall, and what stands on each tile.
        state: which room of the map it is, and the player.
        present: bool [batch], the player is there exactly once.
        damage: float [batch], largest mean absolute error of a tile against the reading, drawn.
    """

    row: Tensor
    state: State
    present: Tensor
    damage: Tensor

    @property
    def whole(self) -> Tensor:
        """Whether the player is there exactly once and everything else can be explained; bool [batch]."""
        return self.present & (self.damage < DAMAGE)


def read(picture: Tensor) -> Reading:
    """Read float pictures [batch, 3, SIZE, SIZE] in [0, 1]."""
    tiles = picture.unflatten(3, (SIDE, TILE)).unflatten(2, (SIDE, TILE)).permute(0, 2, 4, 1, 3, 5).flatten(3)
    room = _errors(tiles[:, *render.MAP_TILE], art.small_map().flatten(1)).argmin(-1)
    floor = _errors(tiles[:, 1:-1, 1:-1].flatten(1, 2), art.floors().flatten(1)).clamp(max=ODD).sum(1).argmin(-1)
    row = torch.cat([
        torch.stack([torch.div(floor, rules.PATTERNS, rounding_mode="floor"), floor % rules.PATTERNS, _wall(tiles)], 1),
        _things(tiles[:, 1:-1, 1:-1].flatten(1, 2), floor),
    ], 1)
    empty = _draw(row, room)
    pose, x, y, present = _player(picture, empty)
    state = State(room, x, y, torch.div(pose, 2, rounding_mode="floor"))
    sprite = art.players().flatten(0, 1)[pose] * present[:, None, None, None]
    error = (picture - render.blit(empty, sprite, x, y)).abs().mean(1, keepdim=True)
    return Reading(row, state, present, F.avg_pool2d(error, TILE).flatten(1).amax(1))


def _errors(tiles: Tensor, candidates: Tensor) -> Tensor:
    """Mean squared errors: [..., n] of tiles [..., pixels] against candidates [n, pixels]."""
    products = tiles @ candidates.T
    return (tiles.square().sum(-1, keepdim=True) - 2 * products + candidates.square().sum(-1)) / tiles.shape[-1]


@cache
def _wall_tiles() -> Tensor:
    """Places of the ring that are wall in every room: int64 [n], counted along rows."""
    index = torch.arange(SIDE)
    lane = (index == GAP[0]) | (index == GAP[1])
    ring = (render.ring_places() >= 0) & ~lane[:, None] & ~lane
    ring[*render.MAP_TILE] = False
    return ring.flatten().nonzero()[:, 0]


def _wall(tiles: Tensor) -> Tensor:
    """The wall's style: int64 [batch]."""
    places = _wall_tiles()
    seen = tiles.flatten(1, 2)[:, places]
    styles = art.walls().flatten(1).unflatten(0, (rules.WALLS, 8))[:, render.ring_places().flatten()[places]]
    error = (seen[:, None] - styles).square().mean(-1).clamp(max=ODD)
    return error.sum(-1).argmin(-1)


def _things(tiles: Tensor, floor: Tensor) -> Tensor:
    """What stands on each tile of the floor: int64 [batch, INNER * INNER], from tiles [batch, tiles, pixels]."""
    bare, things = art.floors()[floor], art.things()
    covered = bare[:, None] * (1 - things[:, 3:]) + things[:, :3] * things[:, 3:]
    products = tiles @ covered.flatten(2).transpose(1, 2)
    squares = tiles.square().sum(-1, keepdim=True)
    pixels = tiles.shape[-1]
    error = (squares - 2 * products + covered.flatten(2).square().sum(-1)[:, None]) / pixels
    without = (tiles - bare.flatten(1)[:, None]).square().mean(-1)
    best, thing = error.min(-1)
    there = (best < THING_LIKENESS) & (best < SHARE * without) & rules.open_tiles().flatten()
    return torch.where(there, thing, rules.NOTHING)


def _draw(row: Tensor, room: Tensor) -> Tensor:
    """Rooms without a player: [batch, 3, SIZE, SIZE]."""
    zero = torch.zeros_like(room)
    return render.render_rooms(row, State(room, zero, zero, zero), player=False)


def _player(picture: Tensor, empty: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pose, column, row and whether there is exactly one player; [batch] each."""
    sprite = art.players().flatten(0, 1)
    colour, alpha = sprite[:, :3] * sprite[:, 3:], sprite[:, 3:]
    planes = torch.cat([picture.square().sum(1, keepdim=True), picture], 1)
    kernel = torch.cat([alpha, -2 * colour], 1) / 3
    error = F.conv2d(planes, kernel, stride=rules.UNIT) + (colour.square().sum((1, 2, 3)) / 3)[:, None, None]
    without = F.conv2d((picture - empty).square().mean(1, keepdim=True), alpha, stride=rules.UNIT)
    pixels = alpha.sum((1, 2, 3))[:, None, None]
    there = (error < PLAYER_LIKENESS * pixels) & (error < SHARE * without)
    batch, _, height, width = error.shape
    best = (without - error).flatten(1).argmax(1)
    pose = torch.div(best, height * width, rounding_mode="floor")
    place = best % (height * width)
    down, across = torch.div(place, width, rounding_mode="floor"), place % width
    far = ((torch.arange(height) - down[:, None]).abs() > TWIN)[:, :, None] | ((torch.arange(width) - across[:, None]).abs() > TWIN)[:, None]
    twin = (there.any(1) & far).flatten(1).any(1)
    found = there.flatten(1).gather(1, best[:, None])[:, 0] & ~twin
    return pose, across * rules.UNIT, down * rules.UNIT, found


ATTRIBUTES = ("hue", "pattern", "wall", "things")
"""What can be right about a room; a room of k things counts k times in the last."""
CHANCE = {"hue": 1 / rules.HUES, "pattern": 1 / rules.PATTERNS, "wall": 1 / rules.WALLS, "things": 0.0022}
"""Shares that a room drawn from the dice would get right; a thing counts if its tile, kind and colour are right."""


def right(seen: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """How many of each of `ATTRIBUTES` are right, and how many there are: int64 [batch, 4] each; from rows of rooms."""
    same = seen == true
    stands = true[:, rules.THINGS :] != rules.NOTHING
    hits = torch.cat([same[:, : rules.THINGS].long(), (same[:, rules.THINGS :] & stands).sum(1, keepdim=True)], 1)
    ones = torch.ones_like(hits[:, : rules.THINGS])
    return hits, torch.cat([ones, stands.sum(1, keepdim=True)], 1)


def invented(seen: Tensor, true: Tensor) -> Tensor:
    """Things that are seen where the room has none, or others: int64 [batch]."""
    things, truth = seen[:, rules.THINGS :], true[:, rules.THINGS :]
    return ((things != rules.NOTHING) & (things != truth)).sum(1)


assert INNER * TILE + 2 * TILE == rules.SIZE and BODY % rules.UNIT == 0
