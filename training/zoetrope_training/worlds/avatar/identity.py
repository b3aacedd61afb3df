"""Who somebody is: shapes, colours, hair, glasses, beard, clothes, background and the hand that draws them.

An identity is a row of numbers. One fifth of all combinations of hair, glasses, beard and drawing style is held out:
training never draws them.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import torch
from torch import Tensor

from .fields import Fields

COLOURS = ("skin", "hair", "iris", "lip", "cloth", "trim", "back", "accent", "rim")
IDENTITY = Fields((
    *(f"{name}_{channel}" for name in COLOURS for channel in "rgb"),
    "head_width", "head_height", "taper", "eye_size", "eye_gap", "eye_tilt", "brow_weight", "brow_arch", "nose_width",
    "nose_length", "mouth_width", "lip_weight", "ear_size", "blush", "lash", "light", "part",
    "hair_style", "glasses", "beard", "style", "collar", "backdrop",
))
"""What the numbers of an identity mean; lengths are pixels of a picture of 128."""

HAIR_STYLES = ("bald", "short", "fringe", "parted", "long", "curly", "bun")
GLASSES = ("none", "round", "square")
BEARDS = ("none", "stubble", "full", "moustache")
STYLES = ("soft", "cel", "ink")
COLLARS = ("crew", "open", "hood")
BACKDROPS = ("glow", "disc", "stripes", "plain")
KINDS = {"hair_style": HAIR_STYLES, "glasses": GLASSES, "beard": BEARDS, "style": STYLES, "collar": COLLARS, "backdrop": BACKDROPS}
"""The words of every column that chooses among kinds; the number is a word's index."""

SKINS = ("#f9dcc4", "#f1c7a3", "#e2ac7f", "#c98d5f", "#a56a43", "#7d4b2d", "#563220")
HAIRS = ("#1d1a1f", "#3a2619", "#6a4124", "#a8672f", "#d9a441", "#efd78f", "#8d2f23", "#b9b6b3", "#4c5fa8", "#b0578f")
IRISES = ("#5a3a22", "#3d6a8c", "#4f7a4a", "#7a6a3a", "#2c2c34")
SIZES: dict[str, tuple[float, float]] = {
    "head_width": (29, 35), "head_height": (37, 42), "taper": (0.1, 0.34), "eye_size": (5.6, 7.4), "eye_gap": (12.5, 15.5),
    "eye_tilt": (-0.1, 0.1), "brow_weight": (1.1, 2.4), "brow_arch": (0.5, 2.5), "nose_width": (3.2, 5.2),
    "nose_length": (8, 11), "mouth_width": (10.5, 14), "lip_weight": (1.5, 3.0), "ear_size": (5.5, 7.5), "blush": (0, 1),
    "lash": (0.7, 1.7), "light": (-1, 1), "part": (-1, 1),
}


def rgb(code: str) -> tuple[float, float, float]:
    """A colour written #rrggbb, each in [0, 1]."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def is_held_out(rows: Tensor) -> Tensor:
    """Whether training never draws the like: bool [n]."""
    kind = lambda name: IDENTITY.of(rows, name).round().long()
    return (2 * kind("hair_style") + kind("glasses") + 3 * kind("beard") + kind("style")) % 5 == 0


def random_identities(count: int, generator: torch.Generator, *, held_out: bool = False) -> Tensor:
    """Identities of those that training draws, or of those it never does: float32 [count, columns]."""
    chosen: list[Tensor] = []
    while sum(map(len, chosen)) < count:
        rows = _draw(2 * count, generator)
        chosen.append(rows[is_held_out(rows) == held_out])
    return torch.cat(chosen)[:count]


def _draw(count: int, generator: torch.Generator) -> Tensor:
    uniform = lambda *shape: torch.rand(count, *shape, generator=generator)
    rows = torch.zeros(count, len(IDENTITY))

    def put(name: str, values: Tensor) -> None:
        rows[:, IDENTITY.at(name)] = values

    def paint(name: str, colours: Tensor) -> None:
        first = IDENTITY.at(f"{name}_r")
        rows[:, first : first + 3] = colours.clamp(0.02, 0.98)

    for name, (low, high) in SIZES.items():
        put(name, low + (high - low) * uniform())
    for name, kinds in KINDS.items():
        put(name, (uniform() * len(kinds)).long().clamp(max=len(kinds) - 1).float())
    plain = uniform() < 0.45
    put("glasses", torch.where(plain, 0.0, IDENTITY.of(rows, "glasses")))
    put("beard", torch.where(uniform() < 0.5, 0.0, IDENTITY.of(rows, "beard")))
    skin = _between(SKINS, uniform())
    paint("skin", skin + 0.03 * (uniform(3) - 0.5))
    paint("hair", _pick(HAIRS, uniform()) * (0.85 + 0.3 * uniform(1)))
    paint("iris", _pick(IRISES, uniform()) * (0.9 + 0.4 * uniform(1)))
    paint("lip", skin * torch.tensor([0.86, 0.55, 0.55]) + uniform(1) * torch.tensor([0.1, -0.05, 0.0]))
    hue = uniform()
    paint("back", _tint(hue, 0.25 + 0.35 * uniform(), 0.55 + 0.4 * uniform()))
    paint("accent", _tint(hue + 0.08 + 0.2 * uniform(), 0.3 + 0.3 * uniform(), 0.6 + 0.35 * uniform()))
    paint("cloth", _tint(uniform(), 0.35 + 0.45 * uniform(), 0.3 + 0.6 * uniform()))
    paint("trim", _tint(uniform(), 0.2 * uniform(), 0.75 + 0.22 * uniform()))
    paint("rim", torch.where((uniform() < 0.7)[:, None], torch.tensor([0.12, 0.11, 0.13]), _tint(uniform(), uniform() * 0.7, 0.6 * uniform() + 0.2)))
    return rows


def _pick(codes: tuple[str, ...], at: Tensor) -> Tensor:
    """Colours of a list, `at` in [0, 1): [n, 3]."""
    return torch.tensor([rgb(code) for code in codes])[(at * len(codes)).long()]


def _between(codes: tuple[str, ...], at: Tensor) -> Tensor:
    """Colours along a list, `at` in [0, 1]: [n, 3]."""
    colours = torch.tensor([rgb(code) for code in codes])
    place = at * (len(codes) - 1)
    first = place.long().clamp(max=len(codes) - 2)
    return torch.lerp(colours[first], colours[first + 1], (place - first)[:, None])


def _tint(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Colours by hue, saturation and value, each [n]: [n, 3]."""
    convert: Callable[[float, float, float], tuple[float, float, float]] = colorsys.hsv_to_rgb
    rows = zip((hue % 1).tolist(), saturation.tolist(), value.tolist(), strict=True)
    return torch.tensor([convert(*row) for row in rows])
