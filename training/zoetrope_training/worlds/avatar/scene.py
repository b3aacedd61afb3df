"""What stands still, or nearly: the background, and the neck and shoulders."""

from __future__ import annotations

import torch

from .canvas import Canvas, _pixels
from .shapes import box, bump, cover, ellipse, lay, ramp


def draw_backdrop(canvas: Canvas) -> None:
    """A gradient with light behind the head, a disc, stripes or nothing on it, darker towards the corners."""
    x, y = _pixels()
    back, accent = canvas.colour("back"), canvas.colour("accent")
    fall = ramp(y, -60, 68).expand(-1, -1, x.shape[-1])
    picture = lay(back.expand(-1, -1, *fall.shape[1:]).contiguous(), accent * 0.85, 0.5 * fall.expand(len(back), -1, -1))
    disc = cover(ellipse(x, y + 2, 52, 52), 1.5)
    stripes = 0.5 + 0.5 * torch.tanh(3 * torch.sin((x + 0.6 * y) * 0.22))
    for name, alpha in (("disc", 0.75 * disc), ("stripes", 0.3 * stripes), ("glow", 0.8 * bump(x, y + 8, 58, 58))):
        picture = lay(picture, accent, canvas.kind("backdrop", name) * alpha)
    corner = 1 - 0.22 * ramp(x * x + y * y, 2500, 8500)
    canvas.picture = picture * corner


def draw_body(canvas: Canvas) -> None:
    """Neck and shoulders, which breathe with `y` and lean a little with the head."""
    x, y = _pixels()
    x, y = x - 0.35 * canvas.held("x"), y - 0.6 * canvas.held("y")
    cloth, trim, skin = canvas.colour("cloth"), canvas.colour("trim"), canvas.colour("skin")
    ink = canvas.kind("style", "ink")
    shoulders = ellipse(x, y - 80, 57, 33)
    light = (1.04 - 0.3 * ramp(x * canvas.size("light"), -40, 50) - 0.2 * ramp(y, 48, 70))[:, None]
    hood = ellipse(x, y - 54, 30, 15)
    canvas.lay(cloth * 0.7, canvas.kind("collar", "hood") * cover(hood))
    neck = box(x, y - 34, 10.5, 24, 5)
    flared = torch.minimum(neck, ellipse(x, y - 58, 18, 8))
    canvas.lay(skin * 0.93, cover(flared))
    canvas.lay(skin * 0.6, 0.75 * cover(flared) * (1 - ramp(y - canvas.held("pitch") * 2, 34, 50)))
    opening = torch.where(canvas.kind("collar", "open") > 0, (x.abs() * 1.5 + (y - 66)) * 0.6, ellipse(x, y - 47, 17, 11))
    dress = torch.maximum(shoulders, -opening)
    canvas.lay(torch.zeros_like(cloth), 0.25 * cover(dress - 1.6, 3) * (1 - ink) * 0.6)
    canvas.lay(cloth * 0.25, ink * cover(dress - 1.4))
    canvas.lay((cloth * light).clamp(0, 1), cover(dress))
    edge = cover((opening.abs() - 1.3)) * cover(shoulders)
    canvas.lay(trim * light, edge * (1 - canvas.kind("collar", "hood")))
    cord = cover(((x.abs() - 7).abs() - 0.9)) * ramp(y, 55, 57) * cover(shoulders)
    canvas.lay(trim, canvas.kind("collar", "hood") * cord)
