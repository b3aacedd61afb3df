"""What speaks and looks: eyes, brows, glasses and the mouth."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .head import lit
from .shapes import box, bump, cover, ellipse, ramp

EYE_LINE = -2.0
"""Pixels from the middle of the head to the eyes, positive is down."""
MOUTH_LINE = 20.0
FULL_OPENING = 11.5
"""Pixels between the lips of a mouth that is wide open."""


def _across(canvas: Canvas, side: int) -> Tensor:
    """How wide things on one side look as the head turns."""
    return 1 - 0.22 * side * canvas.held("yaw")


def draw_eye(canvas: Canvas, side: int) -> None:
    """White, iris, pupil and the lid's line; shut, the line alone is left."""
    x, y = canvas.at(0.6, side * canvas.size("eye_gap"), EYE_LINE)
    size = canvas.size("eye_size")
    x = x / _across(canvas, side)
    y = y + canvas.size("eye_tilt") * side * x
    smile = canvas.held("smile").clamp(min=0)
    arc = (1 - (x / size) ** 2).clamp(min=-1)
    lids = canvas.held("lids") * (1 + 0.18 * canvas.held("brow").clamp(min=0))
    low = size * (0.52 - 0.16 * smile) * arc
    high = torch.lerp(low, -0.78 * size * arc, lids)
    skin = canvas.colour("skin")
    canvas.lay(skin * 0.62, 0.3 * bump(x, y + 1.5, size + 2, 0.9 * size))
    inside = cover(torch.maximum(torch.maximum(high - y, y - low), x.abs() - size))
    white = torch.full((1, 3, 1, 1), 0.97) - 0.22 * ramp(high + 3.2 - y, 0, 3)[:, None]
    canvas.lay(white.expand_as(canvas.picture), inside)
    u, v = x - 2.6 * canvas.held("gaze_x"), y - 1.9 * canvas.held("gaze_y") - 0.2
    round_ = torch.sqrt(u * u + v * v + 1e-6)
    radius = 0.52 * size
    iris = canvas.colour("iris")
    glow = (iris * (0.75 + 0.6 * ramp(v, -2, 3.5)[:, None])).clamp(0, 1)
    canvas.lay(iris * 0.35, inside * cover(round_ - radius))
    canvas.lay(glow, inside * cover(round_ - radius + 0.7))
    canvas.lay(torch.full_like(iris, 0.05), inside * cover(round_ - 0.52 * radius))
    canvas.lay(torch.ones_like(iris), inside * 0.95 * cover(torch.sqrt((u - 1.2) ** 2 + (v + 1.3) ** 2 + 1e-6) - 0.85))
    line = torch.maximum((y - high).abs() - canvas.size("lash") * (0.45 + 0.55 * ramp(side * x / size, -1, 0.9)), x.abs() - size - 0.5)
    canvas.lay(skin * 0.16, 0.94 * cover(line))
    canvas.lay(skin * 0.5, 0.4 * cover(torch.maximum((y - low).abs() - 0.4, x.abs() - 0.8 * size)))
    crease = torch.maximum((y - high + 2.3 + 0.6 * lids).abs() - 0.35, x.abs() - 0.85 * size)
    canvas.lay(skin * 0.5, 0.45 * cover(crease))


def draw_brow(canvas: Canvas, side: int) -> None:
    """A brow: raised, sunk, or slanting with a sad or a glad face."""
    brow, smile = canvas.held("brow"), canvas.held("smile")
    size = canvas.size("eye_size")
    x, y = canvas.at(0.6, side * (canvas.size("eye_gap") + 0.6), EYE_LINE - 1.5 * size - 0.3)
    x = x / _across(canvas, side)
    outward = side * x / (1.25 * size)
    middle = canvas.size("brow_arch") * (outward * outward) - 3.4 * brow + outward * (1.3 * (-smile).clamp(min=0) * 1.8)
    weight = canvas.size("brow_weight") * (1 - 0.45 * outward.clamp(-1, 1))
    shape = torch.maximum((y - middle).abs() - weight, (outward.abs() - 1) * 1.25 * size)
    grey = canvas.kind("hair_style", "bald")[:, None]
    colour = canvas.colour("hair") * 0.72 * (1 - grey) + grey * canvas.colour("skin") * 0.35
    canvas.lay(colour, 0.95 * cover(shape, 1.3))


def draw_glasses(canvas: Canvas) -> None:
    """Rims, a bridge, temples and a glint."""
    worn = (1 - canvas.kind("glasses", "none")).clamp(0, 1)
    square, size = canvas.kind("glasses", "square"), canvas.size("eye_size")
    rim = canvas.colour("rim")
    for side in (-1, 1):
        x, y = canvas.at(0.72, side * canvas.size("eye_gap"), EYE_LINE + 0.6)
        x = x / _across(canvas, side)
        lens = torch.where(square > 0, box(x, y, size + 3.4, size + 1.6, 3.0), ellipse(x, y, size + 3.2, size + 2.8))
        glint = cover((x + y * 0.8 + 3).abs() - 1.2, 1.5) * cover(lens + 1)
        canvas.lay(torch.ones_like(rim), worn * (0.07 * cover(lens) + 0.16 * glint))
        canvas.lay(rim, worn * cover(lens.abs() - 0.75))
        arm, drop = canvas.at(0.3, side * (canvas.size("eye_gap") + size + 8.5), EYE_LINE - 0.6)
        canvas.lay(rim, 0.85 * worn * cover(box(arm, drop, 5.0, 0.7, 0.5)))
    x, y = canvas.at(0.8, 0.0, EYE_LINE - 0.8)
    half = canvas.size("eye_gap") - canvas.size("eye_size") - 3.0
    canvas.lay(rim, worn * cover(torch.maximum((y - 0.06 * x * x).abs() - 0.75, x.abs() - half)))


def draw_mouth(canvas: Canvas) -> None:
    """Lips around what is between them: teeth above, a tongue below, and the dark."""
    opening, smile = canvas.held("opening"), canvas.held("smile")
    width = canvas.size("mouth_width") * (0.72 + 0.42 * canvas.held("width") - 0.34 * canvas.held("round") + 0.1 * smile)
    x, y = canvas.at(0.75, 0.0, MOUTH_LINE)
    across = x / width
    arc = (1 - across * across).clamp(min=-0.5)
    y = y + 3.0 * smile * (across * across - 0.35).clamp(max=1.2)
    tall = FULL_OPENING * opening
    high, low = -0.36 * tall * arc, 0.64 * tall * arc
    weight = canvas.size("lip_weight") * (1 + 0.35 * canvas.held("round"))
    dip = 1 - 0.35 * torch.exp(-((x / 2.2) ** 2))
    top = high - weight * arc.clamp(min=0).sqrt() * dip
    bottom = low + 1.25 * weight * arc.clamp(min=0).sqrt()
    lip, skin = canvas.colour("lip"), canvas.colour("skin")
    canvas.lay(skin * 0.7, 0.35 * bump(x, y - bottom - 2.5, 0.55 * width, 1.8))
    shape = torch.maximum(torch.maximum(top - y, y - bottom), (across.abs() - 1) * width)
    shade = (1.0 - 0.16 * ramp(-y, -0.8, 0.8) + 0.14 * bump(x, y - low - 0.7 * weight, 4.5, 1.2))[:, None]
    canvas.lay((lit(canvas, lip) * shade).clamp(0, 1), cover(shape, 1.2))
    inside = cover(torch.maximum(torch.maximum(high - y, y - low), (across.abs() - 1) * width)) * ramp(opening, 0.01, 0.06)
    canvas.lay(torch.tensor([0.26, 0.06, 0.08])[:, None, None], inside)
    tongue = ellipse(x, y - low - 1.0 + 2.6 * canvas.held("tongue") * opening * 2, 0.62 * width, 1.4 + 0.36 * tall)
    canvas.lay(torch.tensor([0.80, 0.36, 0.38])[:, None, None], inside * cover(tongue) * (0.35 + 0.65 * canvas.held("tongue")))
    edge = high + (1.1 + 2.2 * canvas.held("teeth")) * arc
    canvas.lay(torch.tensor([0.97, 0.95, 0.92])[:, None, None], inside * cover(y - edge) * ramp(opening, 0.06, 0.14))
    seam = torch.maximum((y - 0.5 * (high + low)).abs() - 0.5, (across.abs() - 0.98) * width)
    canvas.lay(lip * 0.32, 0.9 * cover(seam) * (1 - ramp(opening, 0.03, 0.09)))
    for side in (-1, 1):
        canvas.lay(skin * 0.42, 0.5 * bump(x - side * (width + 0.3), y + 0.2, 1.3, 1.2))
