"""The picture of a room: tiles from one atlas, the player on top."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from . import art, rules
from .rules import INNER, SIDE, SIZE, State

CORNERS = ((0, 0), (0, SIDE - 1), (SIDE - 1, 0), (SIDE - 1, SIDE - 1))
MAP_TILE = CORNERS[0]
"""Row and column of the tile that holds the small map."""


@cache
def atlas() -> Tensor:
    """Every tile there is: floors, floors with each thing, walls, small maps; uint8 [n, 3, TILE, TILE]."""
    floors, things = art.floors(), art.things()
    covered = floors[:, None] * (1 - things[None, :, 3:]) + things[None, :, :3] * things[None, :, 3:]
    tiles = torch.cat([floors, covered.flatten(0, 1), art.walls(), art.small_map()])
    return (tiles * 255).round().to(torch.uint8)


BARE = rules.HUES * rules.PATTERNS
STYLES = rules.KINDS * rules.COLOURS
FIRST_WALL = BARE * (1 + STYLES)
"""Index in the atlas at which walls begin, after the floors."""
FIRST_MAP = FIRST_WALL + 8 * rules.WALLS


@cache
def ring_places() -> Tensor:
    """Which wall tile each place of the ring takes, -1 inside: int64 [SIDE, SIDE]."""
    place = torch.full((SIDE, SIDE), -1)
    place[0], place[-1], place[:, 0], place[:, -1] = 0, 1, 2, 3
    for index, (row, column) in enumerate(CORNERS):
        place[row, column] = 4 + index
    return place


def tiles_of(row: Tensor, room: Tensor) -> Tensor:
    """The atlas index of every tile: int64 [batch, SIDE, SIDE], from rows [batch, ROW] and numbers [batch] of rooms."""
    floor = (row[:, 0] * rules.PATTERNS + row[:, 1])[:, None, None]
    thing = row[:, rules.THINGS :].reshape(-1, INNER, INNER)
    inner = torch.where(thing == rules.NOTHING, floor, BARE + floor * STYLES + thing)
    ring = ring_places()
    wall = FIRST_WALL + row[:, 2, None, None] * 8 + ring.clamp(min=0)
    tiles = torch.where(rules.blocked_tiles(row, room) & (ring >= 0), wall, floor)
    here = FIRST_MAP + room[:, None, None]
    is_map = (torch.arange(SIDE)[:, None] == MAP_TILE[0]) & (torch.arange(SIDE) == MAP_TILE[1])
    tiles = torch.where(is_map, here, tiles)
    return torch.where(ring < 0, torch.nn.functional.pad(inner, (1, 1, 1, 1)), tiles)


def pose(state: State) -> Tensor:
    """Index of the player's sprite, `facing * 2` and one of two poses by place: int64 [batch]."""
    pace = torch.div(state.x + state.y, 2 * rules.UNIT, rounding_mode="floor") % 2
    return state.facing * 2 + pace


def render(world: Tensor, state: State, player: bool = True) -> Tensor:
    """Draw a batch of states: float32 [batch, 3, SIZE, SIZE] in [0, 1]; `world` int64 [batch, ROOMS, ROW]."""
    return render_rooms(rules.room_of(world, state.room), state, player)


def render_rooms(row: Tensor, state: State, player: bool = True) -> Tensor:
    """As `render`, from the rows [batch, ROW] of the rooms that the players are in."""
    tiles = atlas()[tiles_of(row, state.room)].float() / 255
    picture = tiles.permute(0, 3, 1, 4, 2, 5).reshape(-1, 3, SIZE, SIZE)
    return blit(picture, art.players().flatten(0, 1)[pose(state)], state.x, state.y) if player else picture


def blit(picture: Tensor, sprite: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Draw sprites [batch, 4, BODY, BODY] with their corners at (x, y); changes and returns the picture."""
    if torch.onnx.is_in_onnx_export():
        return _blit_by_gather(picture, sprite, x, y)
    span = torch.arange(rules.BODY)
    which = torch.arange(len(x))[:, None, None]
    rows, columns = (y[:, None] + span)[:, :, None], (x[:, None] + span)[:, None, :]
    under = picture[which, :, rows, columns].movedim(-1, 1)
    picture[which, :, rows, columns] = (under * (1 - sprite[:, 3:]) + sprite[:, :3] * sprite[:, 3:]).movedim(1, -1)
    return picture


def _blit_by_gather(picture: Tensor, sprite: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """As `blit`, slower: ONNX has no form of an assignment at computed places."""
    along = torch.arange(SIZE)
    down, across = along - y[:, None], along - x[:, None]
    inside = ((down >= 0) & (down < rules.BODY))[:, :, None] & ((across >= 0) & (across < rules.BODY))[:, None, :]
    cell = down.clamp(0, rules.BODY - 1)[:, :, None] * rules.BODY + across.clamp(0, rules.BODY - 1)[:, None, :]
    drawn = sprite.flatten(2).gather(2, cell.flatten(1)[:, None].expand(-1, 4, -1)).unflatten(2, (SIZE, SIZE))
    alpha = drawn[:, 3:] * inside[:, None]
    return picture * (1 - alpha) + drawn[:, :3] * alpha
