"""Shapes as signed distances and how they are laid over a picture; everything batched, lengths in pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def ellipse(x: Tensor, y: Tensor, rx: Tensor | float, ry: Tensor | float) -> Tensor:
    """About the distance to an ellipse around the origin, negative inside; all shapes broadcast."""
    u, v = x / rx, y / ry
    near = torch.sqrt(u * u + v * v + 1e-8)
    slope = torch.sqrt((u / rx) ** 2 + (v / ry) ** 2 + 1e-8)
    return near * (near - 1) / slope


def box(x: Tensor, y: Tensor, rx: Tensor | float, ry: Tensor | float, corner: float) -> Tensor:
    """Distance to a box of half sizes `rx`, `ry` with rounded corners."""
    u, v = x.abs() - rx + corner, y.abs() - ry + corner
    outside = torch.sqrt(u.clamp(min=0) ** 2 + v.clamp(min=0) ** 2 + 1e-8)
    return outside + torch.maximum(u, v).clamp(max=0) - corner


def cover(distance: Tensor, softness: float = 1.0) -> Tensor:
    """How much of a pixel a shape covers, in [0, 1]; its edge is `softness` pixels wide."""
    return (0.5 - distance / softness).clamp(0, 1)


def ramp(value: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Tensor, y: Tensor, rx: Tensor | float, ry: Tensor | float) -> Tensor:
    """A soft round spot around the origin, 1 in its middle."""
    return torch.exp(-((x / rx) ** 2) - (y / ry) ** 2)


def lay(picture: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Lay a colour over a picture: [n, 3, h, w], [n, 3, 1 or h, 1 or w], [n, h, w]."""
    return torch.lerp(picture, colour.expand_as(picture), alpha[:, None])


def turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates seen from a frame that is turned by `angle`, radians."""
    cos, sin = angle.cos(), angle.sin()
    return x * cos + y * sin, y * cos - x * sin
