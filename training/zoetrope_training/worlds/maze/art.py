"""Pixel art of the maze: floors, walls, things, the small map, and the player."""

from __future__ import annotations

import colorsys
from functools import cache

import numpy as np
import torch
from torch import Tensor

from .rules import COLOURS, HUES, KINDS, MAP, ROOMS, TILE

Art = np.ndarray
"""float32 [channels, height, width]: colour, and coverage as the fourth channel where there is one."""

_THINGS = (
    """
................
................
...kkkkkkkkkk...
..kccccccccccb..
..kcaaaaaaaabk..
..kaaaaaaaaabk..
..kkkkkkkkkkkk..
..kyyykyykyyyk..
..kaaakyykaabk..
..kaaakkkkaabk..
..kaaaaaaaaabk..
..kaaaaaaaaabk..
..kbbbbbbbbbbk..
..kkkkkkkkkkkk..
................
................""",
    """
.......kk.......
......kcck......
.....kcaack.....
.....kcaabk.....
....kcaaaabk....
...kccaaaabbk...
....kcaaaabk....
...kcaaaaaabk...
..kccaaaaaabbk..
...kaaaaaaabk...
..kcaaaaaaaabk..
.kbbaaaaaaabbbk.
..kkkkkkkkkkkk..
......knnk......
......knnk......
......kkkk......""",
    """
................
.....kkkkkk.....
....kcccccck....
.....kaaabk.....
....kkkkkkkk....
...kcaaaaaabk...
..kcaaaaaaaabk..
..kcawwaaaaabk..
..kcawaaaaaabk..
..kyyyyyyyyyyk..
..kcaaaaaaaabk..
...kaaaaaaabk...
...kbaaaaabbk...
....kbbbbbbk....
.....kkkkkk.....
................""",
    """
................
.......kk.......
......kwck......
......kwck......
.kk..kwcabk.....
.kwk.kwcabk.kk..
.kck.kwcabkkwck.
.kcakkwcabkwcak.
.kcakkwcabkwcak.
.kcabkwcabkcabk.
..kabkccabkcabk.
..kabkcaabkabk..
...kbkcaabkbk...
...kkkbbbbkk....
.....kkkkkk.....
................""",
    """
................
.....kkkkkk.....
...kkcccaaakk...
..kcwwcaaaaabk..
.kcwwcaaawwaabk.
.kccaaaaawwaabk.
.kaaawaaaaaaabk.
.kaaaaaaaaawabk.
.kbbaaaaaaabbbk.
..kkbbbbbbbbkk..
....kkssssk.....
.....ksssk......
.....ksssk......
....ksssssk.....
....kkkkkkk.....
................""",
    """
.......kk.......
......kyyk......
......kyyk......
....kkkkkkkk....
...kcwaaaabbk...
...kcwyyyaabk...
...kcwyyyyabk...
...kcwyyyyabk...
...kcwyyyaabk...
...kcwaaaabbk...
....kkkkkkkk....
......kggk......
......kggk......
.....kggggk.....
....kggggggk....
....kkkkkkkk....""",
)
"""Chest, tree, urn, crystal, mushroom, lantern."""

_PLAYER = {
    "down_a": """
...kkkkkk...
..khhhhhhk..
.khhhhhhhhk.
.khsssssshk.
.kswksskwsk.
.ksskssksskk
..kssssssk..
.kvvvyyvvvk.
.ksvvvvvvsk.
..kvvvvvvk..
..kbbkkbbk..
..kkk..kk...""",
    "up_a": """
...kkkkkk...
..khhhhhhk..
.khhhhhhhhk.
.khhhhhhhhk.
.khhhhhhhhk.
.kkhhhhhhkk.
..kshhhhsk..
.kvvooovvvk.
.ksvooovvsk.
..kvooovvk..
..kbbkkbbk..
..kkk..kk...""",
    "left_a": """
...kkkkkk...
..khhhhhhk..
.khhhhhhhhk.
.ksshhhhhhk.
.kwksshhhhk.
.ksksssshk..
..kssssskk..
...kvvvvook.
..ksvvvvook.
...kvvvvkk..
..kbbkbbk...
..kkk.kkk...""",
}


def _hue(index: int, saturation: float, value: float) -> tuple[float, ...]:
    turns = (0.0, 0.075, 0.145, 0.30, 0.47, 0.58, 0.72, 0.87)
    return colorsys.hsv_to_rgb(turns[index], saturation, value)


_DYES = ((0.86, 0.22, 0.20), (0.95, 0.72, 0.16), (0.24, 0.66, 0.28), (0.20, 0.52, 0.92), (0.66, 0.32, 0.84), (0.92, 0.92, 0.94))
"""The colours of things."""
_INKS = {
    "k": (0.10, 0.08, 0.14), "w": (1.0, 1.0, 1.0), "y": (1.0, 0.86, 0.36), "n": (0.42, 0.27, 0.16), "s": (0.96, 0.80, 0.66),
    "g": (0.45, 0.46, 0.52),
}
_CLOTHES = {
    "k": (0.08, 0.06, 0.12), "h": (0.98, 0.78, 0.24), "s": (1.0, 0.84, 0.70), "w": (1.0, 1.0, 1.0), "v": (0.16, 0.36, 0.86),
    "y": (1.0, 0.90, 0.40), "o": (0.60, 0.20, 0.16), "b": (0.30, 0.18, 0.14),
}


def _paint(art: str, inks: dict[str, tuple[float, ...]]) -> Art:
    rows = art.strip("\n").split("\n")
    pixels = np.zeros((4, len(rows), len(rows[0])), np.float32)
    for r, row in enumerate(rows):
        for c, key in enumerate(row):
            if key != ".":
                pixels[:, r, c] = (*inks[key], 1.0)
    return pixels


@cache
def things() -> Tensor:
    """Things by kind and colour: float32 [KINDS * COLOURS, 4, TILE, TILE]."""
    painted = []
    for kind in range(KINDS):
        for colour in range(COLOURS):
            dye = np.array(_DYES[colour])
            shades = {"a": tuple(dye), "b": tuple(0.62 * dye), "c": tuple(0.6 * dye + 0.4)}
            painted.append(_paint(_THINGS[kind], _INKS | shades))
    return torch.from_numpy(np.stack(painted))


@cache
def players() -> Tensor:
    """The player by direction and pose: float32 [4, 2, 4, 12, 12]; poses are mirror images in their legs."""
    down, up, left = (_paint(_PLAYER[name], _CLOTHES) for name in ("down_a", "up_a", "left_a"))

    def other(art: Art, legs: int) -> Art:
        flipped = art.copy()
        flipped[:, -legs:] = art[:, -legs:, ::-1]
        return flipped

    pairs = [(art, other(art, 2)) for art in (down, up, left, left[:, :, ::-1].copy())]
    return torch.from_numpy(np.stack([np.stack(pair) for pair in pairs]))


@cache
def floors() -> Tensor:
    """Floors by hue and pattern: float32 [HUES * PATTERNS, 3, TILE, TILE]."""
    y, x = np.mgrid[0:TILE, 0:TILE]
    joint = (y % 8 == 7) | ((x + 8 * (y // 8)) % 16 == 15)
    masks = (
        ((x // 8 + y // 8) % 2).astype(np.float32),
        np.where(joint, 1.0, 0.0).astype(np.float32),
        ((np.hypot((x % 8) - 3.5, (y % 8) - 3.5) < 2.3)).astype(np.float32),
        (((x + y) % 8) < 3).astype(np.float32),
    )
    strength = (0.55, 1.0, 1.0, 0.75)
    painted = []
    for hue in range(HUES):
        light, dark = (np.array(_hue(hue, s, v), np.float32)[:, None, None] for s, v in ((0.42, 0.86), (0.62, 0.60)))
        for mask, share in zip(masks, strength, strict=True):
            painted.append(light + (dark - light) * mask * share)
    return torch.from_numpy(np.stack(painted))


@cache
def walls() -> Tensor:
    """Walls by style and by place in the ring, as `ring_place` counts them: float32 [WALLS * 8, 3, TILE, TILE]."""
    y, x = np.mgrid[0:TILE, 0:TILE]
    stone = np.where((y % 8 == 0) | ((x + 8 * (y // 8)) % 16 == 0), 0.55, 1.0)
    planks = np.where(x % 4 == 0, 0.62, np.where((x * 5 + y) % 11 == 0, 0.82, 1.0))
    hedge = 0.78 + 0.22 * np.sin(x * 1.7 + 1.3 * np.sin(y * 1.1)) * np.sin(y * 1.9 + x * 0.6)
    ice = np.where((x - y) % 16 == 0, 1.25, np.where((x + 2 * y) % 16 == 3, 0.80, 1.0))
    styles = ((stone, (0.50, 0.50, 0.56)), (planks, (0.55, 0.36, 0.20)), (hedge, (0.20, 0.46, 0.22)), (ice, (0.50, 0.74, 0.86)))
    painted = []
    for grain, colour in styles:
        tile = (grain[None] * np.array(colour)[:, None, None]).clip(0, 1).astype(np.float32)
        painted += [_edge(tile, side) for side in range(8)]
    return torch.from_numpy(np.stack(painted))


def _edge(tile: Art, place: int) -> Art:
    """Light on the rim that looks into the room: places 0-3 are top, bottom, left, right, 4-7 the corners."""
    lit = tile.copy()
    rims = {0: np.s_[:, -2:, :], 1: np.s_[:, :2, :], 2: np.s_[:, :, -2:], 3: np.s_[:, :, :2]}
    if place in rims:
        lit[rims[place]] = 0.35 * lit[rims[place]] + (0.62 if place != 0 else 0.0)
    return lit


@cache
def small_map() -> Tensor:
    """The small map with each room lit: float32 [ROOMS, 3, TILE, TILE]."""
    pixels = np.full((ROOMS, 3, TILE, TILE), 0.09, np.float32)
    side = TILE // MAP
    for here in range(ROOMS):
        for room in range(ROOMS):
            row, column = side * (room // MAP), side * (room % MAP)
            colour = (1.0, 0.92, 0.30) if room == here else (0.30, 0.32, 0.40)
            pixels[here, :, row : row + side - 1, column : column + side - 1] = np.array(colour)[:, None, None]
            if room == here:
                pixels[here, :, row : row + side, column : column + side] = np.array(colour)[:, None, None]
    return torch.from_numpy(pixels)
