"""How one walks: four keys, a fixed stride and turn a tick, and walls that one slides along.

The state is the pose alone. What is seen next follows from what is seen now and the keys.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .level import Level

KEYS = ("forward", "back", "left", "right")
"""Order of a control vector; left and right turn."""
STRIDE = 0.05
"""Cells a tick."""
TURN = math.radians(3)
"""Radians a tick."""
RADIUS = 0.3
"""Half the side of the square around the eye that keeps clear of walls, cells."""


def step(maps: dict[str, Tensor], which: Tensor, pose: Tensor, control: Tensor) -> Tensor:
    """One tick.

    Shapes: `maps` of `render.level_tensors`; `which` [n], level numbers; `pose` [n, 3] (x, y, yaw), cells and
    radians, yaw in [0, 2 pi); `control` [n, 4], 1 for a held key; returns the next pose.
    """
    x, y, yaw = pose.unbind(1)
    yaw = (yaw + TURN * (control[:, 3] - control[:, 2])) % math.tau
    stride = STRIDE * (control[:, 0] - control[:, 1])
    x = _slide(maps, which, x, y, stride * yaw.cos(), torch.zeros_like(stride))
    y = _slide(maps, which, y, x, stride * yaw.sin(), torch.ones_like(stride))
    return torch.stack((x, y, yaw), 1)


def _slide(maps: dict[str, Tensor], which: Tensor, along: Tensor, across: Tensor, move: Tensor, axis: Tensor) -> Tensor:
    """Move along one axis (0 for x, 1 for y) unless that runs into something."""
    wanted = along + move
    blocked = torch.zeros_like(which, dtype=torch.bool)
    for a in (-RADIUS, RADIUS):
        for b in (-RADIUS, RADIUS):
            here, there = (wanted + a).long(), (across + b).long()
            column, row = torch.where(axis > 0, there, here), torch.where(axis > 0, here, there)
            blocked |= maps["solid"][which, column, row] > 0
    return torch.where(blocked, along, wanted)


def scattered(levels: list[Level], which: Tensor, generator: torch.Generator) -> Tensor:
    """Poses in the middle of random free cells, looking anywhere, [n, 3]."""
    free = [torch.tensor(level.free) for level in levels]
    counts = torch.tensor([len(cells) for cells in free])[which]
    pick = (torch.rand(len(which), generator=generator) * counts).long()
    cells = torch.stack([free[level][index] for level, index in zip(which.tolist(), pick.tolist(), strict=True)])
    yaw = torch.rand(len(which), generator=generator) * math.tau
    return torch.cat((cells + 0.5, yaw[:, None]), 1)
