"""Draw what a pose in a level sees: a batched grid raycaster with mip-mapped textures and distance fade."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zoetrope_training.worlds.rooms.level import PILLAR, SIZE, Level
from zoetrope_training.worlds.rooms.textures import NAMES, TILE, means, quads

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
CHUNK = 32
"""Pictures drawn at once, few enough to stay in the cache."""
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
    corners, offsets = quads()
    lod = texels.clamp(min=1).log2().clamp(max=offsets.shape[1] - 1 - 1e-3)
    base = lod.floor().long()
    blend = lod - base
    start = offsets[texture, base]
    size = TILE >> base

    def read(start: Tensor, size: Tensor, share: Tensor) -> Tensor:
        x, y = u * size - 0.5, v * size - 0.5
        left, above = x.floor(), y.floor()
        fx, fy = x - left, y - above
        index = start + (above.long() & (size - 1)) * size + (left.long() & (size - 1))
        low, high = (1 - fy) * share, fy * share
        weight = torch.stack((low * (1 - fx), low * fx, high * (1 - fx), high * fx), dim=-1)
        return torch.einsum("nk,nkc->nc", weight.reshape(-1, 4), corners.index_select(0, index.reshape(-1)))

    mixed = read(start, size, 1 - blend) + read(offsets[texture, base + 1], size >> 1, blend)
    return mixed.reshape(*texture.shape, 3)


def render(maps: dict[str, Tensor], which: Tensor, pose: Tensor) -> Tensor:
    """Pictures of poses, float32 [B, 3, PICTURE, PICTURE] in [0, 1]. Arguments as `cast`."""
    return torch.cat([_render(maps, *part) for part in zip(which.split(CHUNK), pose.split(CHUNK), strict=True)])


def _render(maps: dict[str, Tensor], which: Tensor, pose: Tensor) -> Tensor:
    hits = cast(maps, which, pose)
    distance = hits.distance[:, None]  # [B, 1, columns]
    row = torch.arange(PICTURE)[None, :, None] + 0.5 - PICTURE / 2  # pixels below the horizon
    height = row * distance / FOCAL  # cells below the eye on the wall's plane
    wall = height.abs() < 0.5
    flat = plane(maps, which, pose, row)
    texture = torch.where(wall, hits.texture[:, None], flat.texture)
    u = torch.where(wall, hits.along[:, None], flat.u)
    v = torch.where(wall, (height + 0.5).clamp(0, 1 - 1e-4), flat.v)
    texels = torch.where(wall, distance * (TILE / FOCAL), flat.texels)
    away = torch.where(wall, distance, flat.distance)
    shade = torch.where(wall, hits.shade[:, None], flat.shade)
    colour = sample_texture(texture, u, v, texels)
    mean = means()[texture]
    keep, light = torch.exp(-away / FADE)[..., None], (shade * torch.exp(-away / DARKEN))[..., None]
    return ((mean + (colour - mean) * keep) * light).permute(0, 3, 1, 2).clamp(0, 1)


@dataclass(frozen=True)
class Surface:
    """What floor and ceiling show at every pixel. Shapes: all broadcast to [B, PICTURE, PICTURE]."""

    texture: Tensor
    u: Tensor
    v: Tensor
    texels: Tensor
    distance: Tensor
    shade: Tensor


def plane(maps: dict[str, Tensor], which: Tensor, pose: Tensor, row: Tensor) -> Surface:
    """Floor below the horizon and ceiling above it."""
    away = (0.5 * FOCAL / row.abs().clamp(min=0.5)).clamp(max=30)  # [1, rows, 1] cells to the plane
    side = ((torch.arange(PICTURE) + 0.5 - PICTURE / 2) / FOCAL)[None, None]
    x, y, yaw = (pose[:, i, None, None] for i in range(3))
    ground_x = x + away * (yaw.cos() - side * yaw.sin())
    ground_y = y + away * (yaw.sin() + side * yaw.cos())
    cell = (ground_x.long().clamp(0, SIZE - 1), ground_y.long().clamp(0, SIZE - 1))
    floor = maps["floor"][which[:, None, None], cell[0], cell[1]]
    return Surface(
        texture=torch.where(row > 0, floor, CEILING),
        u=ground_x - ground_x.floor(),
        v=ground_y - ground_y.floor(),
        # A pixel's footprint grows with the square of the distance; the side of a square of equal area is taken.
        texels=away**1.5 * (TILE / FOCAL * 1.4),
        distance=away,
        shade=torch.where(row > 0, 0.9, 1.1),
    )
