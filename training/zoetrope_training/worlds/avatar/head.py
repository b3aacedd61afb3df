"""The head itself: ears, skin and its light, cheeks, nose and beard."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .shapes import bump, cover, ellipse, ramp

JAW_DROP = 2.2
"""Pixels that the chin sinks when the mouth is wide open."""


def face(canvas: Canvas, grow: float = 0.0) -> Tensor:
    """Distance to the outline of the face; the chin follows the mouth."""
    x, y = canvas.at(0.15)
    height = canvas.size("head_height") + JAW_DROP * canvas.held("opening") * ramp(y, 0, 20)
    down = (y / height).clamp(0, 1.2)
    narrow = 1 - canvas.size("taper") * down * down
    return ellipse(x / narrow, y, canvas.size("head_width") + grow, height + grow)


def lit(canvas: Canvas, colour: Tensor) -> Tensor:
    """A colour under the light that the drawing style gives: [n, 3, h, w]."""
    x, y = canvas.at(0.3)
    u, v = x / (canvas.size("head_width") + 6), y / (canvas.size("head_height") + 8)
    front = torch.sqrt((1 - u * u - v * v).clamp(min=0.04))
    lamp = 0.45 * canvas.size("light") * u - 0.42 * v + 0.75 * front
    soft = 0.66 + 0.42 * lamp
    cel = 0.80 + 0.2 * ramp(lamp, 0.46, 0.52)
    ink = 0.88 + 0.12 * ramp(lamp, 0.3, 0.42)
    shade = canvas.kind("style", "soft") * soft + canvas.kind("style", "cel") * cel + canvas.kind("style", "ink") * ink
    warm = torch.tensor([0.6, 1.0, 1.15])[:, None, None]
    return (colour * shade[:, None] ** warm).clamp(0, 1)


def outline(canvas: Canvas, distance: Tensor, colour: Tensor, width: float = 1.3) -> None:
    """The line around a shape: black in ink, a darker tone of its own elsewhere."""
    ink = canvas.kind("style", "ink")
    canvas.lay(colour * (0.5 - 0.36 * ink[:, None]), (0.45 + 0.55 * ink) * cover(distance - width) * (1 - cover(distance)))


def draw_ears(canvas: Canvas) -> None:
    """Two ears behind the face."""
    skin = canvas.colour("skin")
    for side in (-1, 1):
        x, y = canvas.at(-0.3, side * (canvas.size("head_width") - 0.5), 2.0)
        size = canvas.size("ear_size")
        shape = ellipse(x, y, 0.72 * size, 1.15 * size)
        outline(canvas, shape, skin)
        canvas.lay(lit(canvas, skin * 0.97), cover(shape))
        canvas.lay(skin * 0.72, 0.6 * cover(ellipse(x - side * 0.6, y, 0.36 * size, 0.7 * size), 2))


def draw_face(canvas: Canvas) -> None:
    """Skin, its light, and the cheeks."""
    skin, shape = canvas.colour("skin"), face(canvas)
    outline(canvas, shape, skin)
    canvas.lay(lit(canvas, skin), cover(shape))
    rose = skin * torch.tensor([1.0, 0.62, 0.6])[:, None, None] + torch.tensor([0.06, 0.0, 0.0])[:, None, None]
    for side in (-1, 1):
        x, y = canvas.at(0.5, side * 17.5, 11.0)
        canvas.lay(rose.clamp(0, 1), (0.12 + 0.3 * canvas.size("blush")) * bump(x, y, 8.5, 6) * cover(shape))


def draw_nose(canvas: Canvas) -> None:
    """A shaded bridge, a tip with a light on it and two nostrils; a hooked line in ink."""
    skin, width, length = canvas.colour("skin"), canvas.size("nose_width"), canvas.size("nose_length")
    ink, lean = canvas.kind("style", "ink"), canvas.size("light")
    x, y = canvas.at(1.0, 0.0, length)
    bridge, up = canvas.at(0.8, 0.0, length * 0.3)
    canvas.lay(skin * 0.78, (1 - ink) * 0.4 * bump(bridge + lean * 2.6, up, 2.4, 8))
    canvas.lay((skin * 1.18).clamp(0, 1), (1 - ink) * 0.5 * bump(bridge - lean * 0.8, up, 1.8, 8))
    canvas.lay(skin * 0.74, (1 - ink) * 0.75 * bump(x, y - 2.6, width + 1.2, 2.4))
    canvas.lay(lit(canvas, skin * 1.02), (1 - ink) * cover(ellipse(x, y, width, 3.4), 3))
    canvas.lay((skin * 1.3 + 0.06).clamp(0, 1), (1 - ink) * 0.55 * bump(x - lean, y + 0.9, 1.7, 1.4))
    for side in (-1, 1):
        canvas.lay(skin * 0.42, (0.75 - 0.2 * ink) * cover(ellipse(x - side * width * 0.5, y - 2.3, 1.3, 0.8), 1.4))
    hook = (torch.sqrt(x * x + (y * 1.1) ** 2 + 1e-6) - width).abs() - 0.55
    side = ramp(x * torch.sign(lean + 1e-3), -1, 1.5) * ramp(y, -2.5, 0)
    canvas.lay(skin * 0.3, ink * cover(hook) * torch.maximum(side, ramp(y, 1.2, 2.4)))


def draw_beard(canvas: Canvas) -> None:
    """Stubble, a beard around the mouth, or a moustache; before the mouth is drawn."""
    hair, skin = canvas.colour("hair"), canvas.colour("skin")
    x, y = canvas.at(0.5)
    rise = 12 - 15 * ramp(x.abs() / canvas.size("head_width"), 0.5, 1.0)
    full, stubble = canvas.kind("beard", "full"), canvas.kind("beard", "stubble")
    canvas.lay(torch.lerp(skin, hair, 0.6) * 0.8, 0.4 * stubble * cover(face(canvas), 3) * ramp(y - rise, -5, 6))
    bushy = face(canvas, 2.0) + 0.6 * torch.sin(x * 1.1)
    shape = torch.maximum(bushy, (rise - y) * 0.7)
    strands = 0.94 + 0.1 * torch.sin(x * 0.9 + 0.25 * y)
    shaded = (lit(canvas, hair) * strands[:, None]).clamp(0, 1)
    outline(canvas, torch.where(full * ramp(y, 6, 8) > 0.5, bushy, torch.full_like(bushy, 9.0)), hair)
    canvas.lay(shaded, full * cover(shape, 1.6))
    u, v = canvas.at(0.85, 0.0, canvas.size("nose_length") + 5.4)
    curve = v - 0.03 * u * u
    moustache = torch.maximum(curve.abs() - 2.2 * (1 - (u / 13) ** 2).clamp(min=0), u.abs() - 12.5)
    canvas.lay(shaded * 0.96, torch.maximum(canvas.kind("beard", "moustache"), full) * cover(moustache, 1.4))
