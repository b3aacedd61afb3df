"""What every part of a head is drawn on: a picture in the making, who is drawn, and how they hold themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from .fields import Fields
from .identity import IDENTITY, KINDS
from .shapes import lay, turned

SIZE = 128
"""Width and height of a picture, pixels."""
CENTRE = (64.0, 60.0)
"""Where the middle of a head rests, pixels from the left and the top."""
NECK = 44.0
"""Pixels below the middle of a head around which it tilts."""
REACH = 8.0
"""Pixels that the very front of a head moves when it turns all the way."""

MOTION = Fields((
    "yaw", "pitch", "roll", "x", "y", "lids", "gaze_x", "gaze_y", "brow", "smile", "opening", "width", "round", "teeth", "tongue",
))
"""How a head holds itself. `yaw` and `pitch` in [-1, 1], positive to the right and down; `roll` in radians; `x`, `y` in
pixels; `lids` 0 shut to 1 open; `gaze_x`, `gaze_y`, `brow` and `smile` in [-1, 1]; the mouth's numbers in [0, 1]."""

REST = {"lids": 1.0, "width": 0.5}
"""What a head at rest has that is not 0."""

EYES = (slice(30, 80), slice(20, 108))
MOUTH = (slice(58, 108), slice(30, 98))
"""Rows and columns outside which the eyes, and the nose and mouth, never come."""


def at_rest(count: int) -> Tensor:
    """Motions of heads at rest: [count, columns]."""
    return torch.tensor([[REST.get(name, 0.0) for name in MOTION.names]]).repeat(count, 1)


@cache
def _pixels() -> tuple[Tensor, Tensor]:
    """Pixel centres from the middle of a resting head: x [1, 1, SIZE], y [1, SIZE, 1]."""
    span = torch.arange(SIZE) + 0.5
    return (span - CENTRE[0])[None, None, :], (span - CENTRE[1])[None, :, None]


@dataclass
class Canvas:
    """A batch of pictures in the making.

    Attributes:
        picture: [n, 3, h, w], values about [0, 1].
        who: [n, columns] of `IDENTITY`.
        pose: [n, columns] of `MOTION`.
        x, y: pixels from the middle of the head, upright with it, [n, h, w].
    """

    picture: Tensor
    who: Tensor
    pose: Tensor
    x: Tensor
    y: Tensor

    def size(self, name: str) -> Tensor:
        """A number of the identity, [n, 1, 1]."""
        return IDENTITY.grid(self.who, name)

    def colour(self, name: str) -> Tensor:
        """A colour of the identity, [n, 3, 1, 1]."""
        return IDENTITY.colour(self.who, name)

    def held(self, name: str) -> Tensor:
        """A number of the motion, [n, 1, 1]."""
        return MOTION.grid(self.pose, name)

    def kind(self, name: str, word: str) -> Tensor:
        """1 where the identity is of that kind, else 0: [n, 1, 1]."""
        return (self.size(name) - KINDS[name].index(word)).abs().lt(0.5).float()

    def at(self, depth: float, x: Tensor | float = 0.0, y: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
        """Coordinates around a point of the head that lies `depth` in front of its axis, 1 the tip of the nose."""
        return self.x - x - depth * REACH * self.held("yaw"), self.y - y - depth * 0.7 * REACH * self.held("pitch")

    def lay(self, colour: Tensor, alpha: Tensor) -> None:
        """Lay a colour over the picture where `alpha` [n, h, w] says so."""
        self.picture = lay(self.picture, colour, alpha)

    def cut(self, where: tuple[slice, slice]) -> Canvas:
        """A part of the canvas, to draw small things on quickly."""
        rows, columns = where
        cropped = (part[..., rows, columns] for part in (self.picture, self.x, self.y))
        picture, x, y = cropped
        return Canvas(picture, self.who, self.pose, x, y)

    def paste(self, part: Canvas, where: tuple[slice, slice]) -> None:
        """Put a part back."""
        picture = self.picture.clone()
        picture[..., where[0], where[1]] = part.picture
        self.picture = picture


def blank(who: Tensor, pose: Tensor) -> Canvas:
    """A canvas with nothing on it yet, in the frame of heads that lean and tilt."""
    across, down = _pixels()
    x, y = torch.broadcast_tensors(across - MOTION.grid(pose, "x"), down - MOTION.grid(pose, "y"))
    x, y = turned(x, y - NECK, MOTION.grid(pose, "roll"))
    return Canvas(torch.zeros(len(who), 3, SIZE, SIZE), who, pose, x, y + NECK)
