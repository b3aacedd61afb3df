"""Hair, behind the head and over it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import Canvas
from .head import face, lit, outline
from .shapes import box, cover, ellipse, ramp


def _colour(canvas: Canvas) -> Tensor:
    """Hair with strands and a shine across the crown, [n, 3, h, w]."""
    x, y = canvas.at(0.2)
    angle = torch.atan2(x, 60 - y)
    strands = 1 + 0.07 * torch.sin(angle * 46) + 0.05 * torch.sin(angle * 83 + 1.3)
    crown = torch.sqrt((x * 0.9) ** 2 + (y - 8) ** 2 + 1e-6)
    shine = torch.exp(-(((crown - 0.86 * canvas.size("head_height")) / 3.6) ** 2)) * ramp(-y, 4, 22)
    plain = canvas.kind("style", "ink")
    shade = strands * (1 - 0.6 * plain) + 0.6 * plain + (0.36 - 0.2 * plain) * shine
    return (lit(canvas, canvas.colour("hair")) * shade[:, None] + 0.05 * shine[:, None]).clamp(0, 1)


def draw_hair_behind(canvas: Canvas) -> None:
    """Long hair down to the shoulders, a bun, the back of curls."""
    hair = canvas.colour("hair")
    wide, tall = canvas.size("head_width"), canvas.size("head_height")
    x, y = canvas.at(-0.3)
    fall = torch.minimum(ellipse(x, y + 4, wide + 7, tall + 6), box(x, y - 22, wide + 6.5 + 0.08 * (y - 22).clamp(0, 40), 32, 12))
    canvas_bun = ellipse(x, y + tall + 7, 11, 10)
    angle = torch.atan2(x, -y)
    curls = ellipse(x, y + 5, wide + 10, tall + 9) + 1.3 * torch.sin(angle * 15)
    for name, shape in (("long", fall), ("bun", canvas_bun), ("curly", curls)):
        worn = canvas.kind("hair_style", name)
        outline(canvas, torch.where(worn > 0, shape, torch.full_like(shape, 9.0)), hair)
        canvas.lay(_colour(canvas) * 0.86, worn * cover(shape))


def _hairline(canvas: Canvas) -> Tensor:
    """Where the hair over the forehead ends, pixels from the middle of the head."""
    x, _ = canvas.at(0.45)
    out = x.abs() / canvas.size("head_width")
    sides = ramp(out, 0.62, 0.98)
    part = torch.sign(canvas.size("part"))
    lines = {
        "bald": torch.full_like(x, -90.0),
        "short": -21 + 19 * sides + 0.5 * torch.sin(x * 0.8),
        "fringe": -12.5 + 15 * ramp(out, 0.7, 0.98) + 1.1 * (2 * torch.asin(torch.sin(x * 0.62)) / torch.pi),
        "parted": -25 + 8 * (part * x / canvas.size("head_width") + 0.35) ** 2 * 1.5 + 17 * sides,
        "long": -22 + 9 * (0.9 * part * x / canvas.size("head_width") + 0.3) ** 2 + 24 * ramp(out, 0.78, 1.0),
        "curly": -19 + 17 * sides + 1.6 * torch.sin(x * 0.55),
        "bun": -22 + 19 * ramp(out, 0.7, 1.0),
    }
    total = torch.zeros_like(x)
    for name, line in lines.items():
        total = total + canvas.kind("hair_style", name) * line
    return total


def draw_hair(canvas: Canvas) -> None:
    """Hair over the crown and down to the hairline, with its shadow on the forehead."""
    x, y = canvas.at(0.2)
    bald, curly = canvas.kind("hair_style", "bald"), canvas.kind("hair_style", "curly")
    angle = torch.atan2(x, -y)
    high = canvas.kind("hair_style", "fringe") + canvas.kind("hair_style", "parted")
    cap = ellipse(x, y + 3 + high, canvas.size("head_width") + 2.6 + 5 * curly, canvas.size("head_height") + 1.8 + 2 * high + 5 * curly)
    cap = cap + curly * 1.2 * torch.sin(angle * 17 + 0.7)
    line = _hairline(canvas)
    _, front = canvas.at(0.45)
    steep = F.pad(line[..., 2:] - line[..., :-2], (1, 1), mode="replicate") / 2
    shape = torch.maximum(cap, (front - line) / torch.sqrt(1 + steep * steep))
    shadow = cover(front - line - 2.6, 4) * cover(face(canvas))
    canvas.lay(canvas.colour("skin") * 0.5, 0.45 * (1 - bald) * shadow)
    shaven = torch.maximum(face(canvas), front + 16 - 10 * ramp(x.abs() / canvas.size("head_width"), 0.6, 1.0))
    canvas.lay(canvas.colour("hair"), 0.10 * bald * cover(shaven, 5))
    outline(canvas, torch.where(bald > 0, torch.full_like(shape, 9.0), shape), canvas.colour("hair"))
    canvas.lay(_colour(canvas), (1 - bald) * cover(shape))
