"""Draw what a pose in a level sees: a batched grid raycaster with mip-mapped textures and distance fade."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zoetrope_training.worlds.rooms.level import PILLAR, SIZE, Level
from zoetrope_training.worlds.rooms.textures import NAMES, TILE, pyramid

PICTURE = 64
"""Width and height of the picture, pixels."""
FIELD_OF_VIEW = math.radians(72)
FOCAL = PICTURE / 2 / math.tan(FIELD_OF_VIEW / 2)
"""Pixels that one cell at distance one covers."""
FADE = 7.0
"""Cells over which textures fall to 1/e of their contrast."""
DARKEN = 14.0
"""Cells over which light falls to 1/e."""
CEILING = len(NAMES) - 1
CROSSINGS = 2 * SIZE
"""Most grid lines a ray meets before the outer wall stops it."""


@dataclass(frozen=True)
class Hits:
    """Where rays end. Shapes: all [B, rays]; `distance` along the view direction, `along` in [0, 1)."""

    distance: Tensor
    along: Tensor
    texture: Tensor
    shade: Tensor


def level_tensors(levels: list[Level]) -> dict[str, Tensor]:
    """Stack levels so that a batch can mix them: [levels, SIZE, SIZE] each."""
    return {
        name: torch.stack([torch.from_numpy(getattr(level, name)) for level in levels])
        for name in ("solid", "wall", "floor", "pillar")
    }


def cast(maps: dict[str, Tensor], which: Tensor, pose: Tensor) -> Hits:
    """March every column's ray through the grid.

    Shapes: `which` [B], level numbers; `pose` [B, 3] (x, y, yaw), cells and radians.
    """
    x, y, yaw = pose[:, :1], pose[:, 1:2], pose[:, 2:3]
    side = (torch.arange(PICTURE) + 0.5 - PICTURE / 2) / FOCAL  # [rays]
    direction_x = yaw.cos() - side * yaw.sin()
    direction_y = yaw.sin() + side * yaw.cos()
    cell_x, cell_y = x.floor().expand_as(direction_x), y.floor().expand_as(direction_x)
    step_x, step_y = direction_x.sign(), direction_y.sign()
    per_x, per_y = 1 / direction_x.abs().clamp(min=1e-6), 1 / direction_y.abs().clamp(min=1e-6)
    next_x = torch.where(step_x > 0, cell_x + 1 - x, x - cell_x) * per_x
    next_y = torch.where(step_y > 0, cell_y + 1 - y, y - cell_y) * per_y
    distance = torch.zeros_like(direction_x)
    texture = torch.zeros_like(direction_x, dtype=torch.int64)
    upright = torch.zeros_like(direction_x, dtype=torch.bool)
    done = torch.zeros_like(upright)
    level = which[:, None].expand_as(texture)
    for _ in range(CROSSINGS):
        across_x = next_x < next_y
        room = (level, cell_x.long(), cell_y.long())
        cell_x = torch.where(done | ~across_x, cell_x, cell_x + step_x)
        cell_y = torch.where(done | across_x, cell_y, cell_y + step_y)
        entered = (level, cell_x.long().clamp(0, SIZE - 1), cell_y.long().clamp(0, SIZE - 1))
        solid = maps["solid"][entered]
        hit = (solid > 0) & ~done
        shown = torch.where(solid == PILLAR, maps["pillar"][entered], maps["wall"][room])
        distance = torch.where(hit, torch.minimum(next_x, next_y), distance)
        texture = torch.where(hit, shown, texture)
        upright = torch.where(hit, across_x, upright)
        done = done | hit
        if bool(done.all()):
            break
        next_x = torch.where(~done & across_x, next_x + per_x, next_x)
        next_y = torch.where(~done & ~across_x, next_y + per_y, next_y)
    along = torch.where(upright, y + distance * direction_y, x + distance * direction_x)
    return Hits(distance.clamp(min=0.05), along - along.floor(), texture, torch.where(upright, 1.0, 0.82))


def sample_texture(texture: Tensor, u: Tensor, v: Tensor, texels: Tensor) -> Tensor:
    """Read textures with bilinear filtering between the two nearest mip levels.

    Shapes: `texture`, `u`, `v` [...], coordinates in [0, 1) that wrap; `texels`, texels of the largest level under one
    pixel; result [..., 3].
    """
    colours, offsets = pyramid()
    top = offsets.shape[1] - 1
    lod = texels.clamp(min=1).log2().clamp(max=top - 1e-3)
    base = lod.floor().long()
    blend = (lod - base)[..., None]

    def read(level: Tensor) -> Tensor:
        size = TILE // 2**level
        x, y = u * size - 0.5, v * size - 0.5
        left, above = x.floor(), y.floor()
        fx, fy = (x - left)[..., None], (y - above)[..., None]
        x0, y0 = left.long() % size, above.long() % size
        x1, y1 = (x0 + 1) % size, (y0 + 1) % size
        start = offsets[texture, level]
        row0, row1 = start + y0 * size, start + y1 * size
        upper = colours[row0 + x0] * (1 - fx) + colours[row0 + x1] * fx
        lower = colours[row1 + x0] * (1 - fx) + colours[row1 + x1] * fx
        return upper * (1 - fy) + lower * fy

    return read(base) * (1 - blend) + read(base + 1) * blend


def faded(texture: Tensor, colour: Tensor, distance: Tensor, shade: Tensor) -> Tensor:
    """Pull far texels to their texture's mean and darken with distance. Shapes: [...], colour and result [..., 3]."""
    colours, offsets = pyramid()
    mean = colours[offsets[texture, -1]]
    keep = torch.exp(-distance / FADE)[..., None]
    light = (shade * torch.exp(-distance / DARKEN))[..., None]
    return (mean + (colour - mean) * keep) * light


def render(maps: dict[str, Tensor], which: Tensor, pose: Tensor) -> Tensor:
    """Pictures of poses, float32 [B, 3, PICTURE, PICTURE] in [0, 1]. Arguments as `cast`."""
    hits = cast(maps, which, pose)
    distance = hits.distance[:, None]  # [B, 1, columns]
    row = torch.arange(PICTURE)[None, :, None] + 0.5 - PICTURE / 2  # pixels below the horizon
    height = row * distance / FOCAL  # cells below the eye on the wall's plane
    on_wall = height.abs() < 0.5
    shape = (len(pose), PICTURE, PICTURE)
    texture = hits.texture[:, None].expand(shape)
    wall = sample_texture(
        texture, hits.along[:, None].expand(shape), (height + 0.5).clamp(0, 1 - 1e-4), (distance * TILE / FOCAL).expand(shape)
    )
    wall = faded(texture, wall, distance.expand(shape), hits.shade[:, None].expand(shape))
    flat = plane(maps, which, pose, row)
    return torch.where(on_wall[..., None], wall, flat).permute(0, 3, 1, 2).clamp(0, 1)


def plane(maps: dict[str, Tensor], which: Tensor, pose: Tensor, row: Tensor) -> Tensor:
    """Floor below the horizon and ceiling above it, [B, PICTURE, PICTURE, 3]."""
    away = (0.5 * FOCAL / row.abs().clamp(min=0.5)).clamp(max=30)  # [1, rows, 1] cells to the plane
    side = ((torch.arange(PICTURE) + 0.5 - PICTURE / 2) / FOCAL)[None, None]
    x, y, yaw = (pose[:, i, None, None] for i in range(3))
    ground_x = x + away * (yaw.cos() - side * yaw.sin())
    ground_y = y + away * (yaw.sin() + side * yaw.cos())
    cell = (ground_x.long().clamp(0, SIZE - 1), ground_y.long().clamp(0, SIZE - 1))
    floor = maps["floor"][which[:, None, None].expand_as(ground_x), cell[0], cell[1]]
    texture = torch.where(row > 0, floor, torch.full_like(floor, CEILING))
    # A pixel's footprint on the plane grows with the square of the distance; the side of an equal area is taken.
    texels = (away**1.5 * TILE / FOCAL * 1.4).expand_as(ground_x)
    colour = sample_texture(texture, ground_x - ground_x.floor(), ground_y - ground_y.floor(), texels)
    shade = torch.where(row > 0, 0.9, 1.1).expand_as(ground_x)
    return faded(texture, colour, away.expand_as(ground_x), shade)
