"""The rules of the maze: one step of a batch of states, integers only, everything on a lattice of four pixels.

A map of 4 x 4 rooms, a door between every two neighbours. What a room looks like and what stands in it is drawn
anew for every map, so a player who comes back knows it, and nothing else does. Lengths are pixels, times frames.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

SIZE = 128
"""Width and height of the picture."""
TILE = 16
SIDE = SIZE // TILE
"""Tiles of a room in each direction; the outermost ring is wall."""
INNER = SIDE - 2
GAP = (3, 4)
"""The tiles of a wall that a door takes."""
UNIT = 4
"""The lattice: places and the player's pace are multiples of it."""
BODY = 12
"""Width and height of the player's box."""
FAR = SIZE - BODY
"""Largest place of the player, pixels."""

MAP = 4
ROOMS = MAP * MAP
HUES, PATTERNS, WALLS = 8, 4, 4
KINDS, COLOURS = 6, 6
NOTHING = -1
"""A tile of the floor without a thing on it; others hold `kind * COLOURS + colour`."""
THINGS = 3
"""Column of a room's row in `World` at which its `INNER * INNER` tiles begin, after hue, pattern and wall."""
ROW = THINGS + INNER * INNER

DIRECTIONS = ("down", "up", "left", "right")
STEPS = torch.tensor([(0, 1), (0, -1), (-1, 0), (1, 0)])
"""(x, y) of each direction."""


@dataclass(frozen=True)
class State:
    """A batch of players; every field is int64 [batch].

    `room` counts along the rows of the map, `x` and `y` are the corner of the player's box, `facing` is an index
    into `DIRECTIONS`.
    """

    room: Tensor
    x: Tensor
    y: Tensor
    facing: Tensor

    def stack(self) -> Tensor:
        """All fields as float32 [batch, 4], in declaration order."""
        return torch.stack([getattr(self, f.name) for f in fields(self)], -1).float()

    @staticmethod
    def unstack(vector: Tensor) -> State:
        """The inverse of `stack`."""
        return State(*(vector[..., i].round().long() for i in range(len(STATE_FIELDS))))

    def __getitem__(self, index: Tensor | slice) -> State:
        return State(*(getattr(self, f.name)[index] for f in fields(self)))


STATE_FIELDS = tuple(f.name for f in fields(State))
CONTROLS = ("left", "right", "up", "down")
"""The keys; a control vector is float32 [batch, 4] in this order, 1 while held."""


@cache
def open_tiles() -> Tensor:
    """Tiles of the floor on which a thing may stand: all but those before a door; bool [INNER, INNER]."""
    free = torch.ones(INNER, INNER, dtype=torch.bool)
    gap = [place - 1 for place in GAP]
    for edge in (0, INNER - 1):
        free[edge, gap] = False
        free[gap, edge] = False
    return free


def doors(room: Tensor) -> Tensor:
    """Which sides of rooms [batch] have a door: bool [batch, 4], in the order of `DIRECTIONS`."""
    row, column = torch.div(room, MAP, rounding_mode="floor"), room % MAP
    return torch.stack([row < MAP - 1, row > 0, column > 0, column < MAP - 1], -1)


def room_of(world: Tensor, room: Tensor) -> Tensor:
    """The rows of rooms [batch] in worlds [batch, ROOMS, ROW]: [batch, ROW]."""
    return world.gather(1, room[:, None, None].expand(-1, 1, world.shape[-1]))[:, 0]


def blocked_tiles(row: Tensor, room: Tensor) -> Tensor:
    """Tiles that stop the player: bool [batch, SIDE, SIDE], from the rooms' rows [batch, ROW] and numbers [batch]."""
    things = row[:, THINGS:].reshape(-1, INNER, INNER) != NOTHING
    blocked = F.pad(things, (1, 1, 1, 1), value=True)
    closed = ~doors(room)
    index = torch.arange(SIDE)
    lane = (index == GAP[0]) | (index == GAP[1])
    edges = ((index == SIDE - 1)[:, None] & lane, (index == 0)[:, None] & lane)
    cuts = (edges[0], edges[1], edges[1].T, edges[0].T)
    for side, cut in enumerate(cuts):
        blocked = (blocked & ~cut) | (cut & closed[:, side, None, None])
    return blocked


def free_places(row: Tensor, room: Tensor) -> Tensor:
    """Places of the lattice where the player fits: bool [batch, y, x], 30 x 30."""
    units = blocked_tiles(row, room).float().repeat_interleave(TILE // UNIT, 1).repeat_interleave(TILE // UNIT, 2)
    return F.max_pool2d(units[:, None], BODY // UNIT, stride=1)[:, 0] == 0


def push_of(control: Tensor) -> tuple[Tensor, Tensor]:
    """Where keys [batch, 4] push: -1, 0 or 1 along x and along y, int64 [batch] each."""
    left, right, up, down = (control > 0.5).long().unbind(-1)
    return right - left, down - up


def exit_of(state: State, control: Tensor) -> Tensor:
    """The direction in which players leave their rooms in this step, -1 for none; int64 [batch]."""
    along, across = push_of(control)
    leaves = torch.stack([
        (state.y == FAR) & (across > 0), (state.y == 0) & (across < 0),
        (state.x == 0) & (along < 0), (state.x == FAR) & (along > 0),
    ], -1)
    sideways = leaves[:, 2:].any(-1)
    leaves = leaves & ~(sideways[:, None] & torch.tensor([True, True, False, False]))
    return torch.where(leaves.any(-1), leaves.long().argmax(-1), -1)


def beyond(room: Tensor, direction: Tensor) -> Tensor:
    """The room behind the door in `direction` (-1: the same room); int64 [batch]."""
    offset = torch.tensor([MAP, -MAP, -1, 1, 0])
    return room + offset[direction]


def step(world: Tensor, state: State, control: Tensor) -> State:
    """Advance every player by one frame.

    Args:
        world: rows of all rooms, int64 [batch, ROOMS, ROW].
        state: players before the step.
        control: keys held during it, float [batch, 4].
    """
    places = free_places(room_of(world, state.room), state.room)
    along, across = push_of(control)
    leaving = exit_of(state, control)
    x = _walk(places, state.x, state.y, along, 0)
    y = _walk(places, x, state.y, across, 1)
    facing = torch.where(across > 0, 0, torch.where(across < 0, 1, state.facing))
    facing = torch.where(along < 0, 2, torch.where(along > 0, 3, facing))
    moved = replace(state, x=x, y=y, facing=facing)
    gone = leaving >= 0
    entry = replace(
        state,
        room=beyond(state.room, leaving),
        x=torch.where(leaving == 2, FAR, torch.where(leaving == 3, 0, state.x)),
        y=torch.where(leaving == 0, 0, torch.where(leaving == 1, FAR, state.y)),
        facing=leaving.clamp(min=0),
    )
    return choose(gone, entry, moved)


def choose(when: Tensor, then: State, otherwise: State) -> State:
    """Player by player one state or the other; `when` is bool [batch]."""
    pairs = zip(then.__dict__.values(), otherwise.__dict__.values(), strict=True)
    return State(*(torch.where(when, a, b) for a, b in pairs))


def _walk(places: Tensor, x: Tensor, y: Tensor, push: Tensor, axis: int) -> Tensor:
    """The new coordinate along `axis` (0: x, 1: y); a blocked step is not made."""
    goal = ((x, y)[axis] + UNIT * push).clamp(0, FAR)
    at_x, at_y = (goal, y) if axis == 0 else (x, goal)
    cell = torch.div(at_y, UNIT, rounding_mode="floor") * places.shape[-1] + torch.div(at_x, UNIT, rounding_mode="floor")
    fits = places.flatten(1).gather(1, cell[:, None])[:, 0]
    return torch.where(fits, goal, (x, y)[axis])
