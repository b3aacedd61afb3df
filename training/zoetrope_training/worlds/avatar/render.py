"""Draws heads: who they are and how they hold themselves, to pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import EYES, MOTION, MOUTH, SIZE, blank
from .features import EYE_LINE, MOUTH_LINE, draw_brow, draw_eye, draw_glasses, draw_mouth
from .hair import draw_hair, draw_hair_behind
from .head import draw_beard, draw_ears, draw_face, draw_nose
from .identity import IDENTITY
from .scene import draw_backdrop, draw_body
from .canvas import CENTRE, REACH
from .shapes import bump


def render(who: Tensor, pose: Tensor) -> Tensor:
    """Draw.

    Shapes: `who` [n, columns of IDENTITY], `pose` [n, columns of MOTION]; returns [n, 3, SIZE, SIZE] in [0, 1].
    """
    canvas = blank(who, pose)
    draw_backdrop(canvas)
    draw_hair_behind(canvas)
    draw_body(canvas)
    draw_ears(canvas)
    draw_face(canvas)
    draw_beard(canvas)
    lower = canvas.cut(MOUTH)
    draw_mouth(lower)
    draw_nose(lower)
    canvas.paste(lower, MOUTH)
    draw_hair(canvas)
    upper = canvas.cut(EYES)
    for side in (-1, 1):
        draw_eye(upper, side)
        draw_brow(upper, side)
    draw_glasses(upper)
    canvas.paste(upper, EYES)
    return canvas.picture.clamp(0, 1)


def attention(who: Tensor, pose: Tensor, size: int = SIZE) -> Tensor:
    """How much each pixel or cell matters to whoever looks at a speaking face: 1 on the mouth and the eyes, 0 far off.

    Shapes: as `render`; returns [n, size, size].
    """
    span = (torch.arange(size) + 0.5) * (SIZE / size)
    depth = 0.7 * REACH
    x = span[None, None, :] - CENTRE[0] - MOTION.grid(pose, "x") - depth * MOTION.grid(pose, "yaw")
    y = span[None, :, None] - CENTRE[1] - MOTION.grid(pose, "y") - 0.7 * depth * MOTION.grid(pose, "pitch")
    mouth = bump(x, y - MOUTH_LINE - 1, 15, 10)
    gap = IDENTITY.grid(who, "eye_gap")
    eyes = sum(bump(x - side * gap, y - EYE_LINE + 1, 10, 9) for side in (-1, 1))
    return torch.maximum(mouth, torch.as_tensor(eyes)).clamp(0, 1)
