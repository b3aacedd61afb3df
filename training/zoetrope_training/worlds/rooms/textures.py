"""The texture atlas: a few Freedoom textures, softened, in one small picture with its mip pyramid.

The atlas is kept in the repository with its notice, so nothing but this module's command needs a WAD file.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from zoetrope_training.worlds.rooms.wad import Wad

ATLAS = Path(__file__).with_name("atlas.png")
TILE = 64
"""Pixels per side of a texture; it covers one cell."""
COLUMNS = 4
SOFTEN = 1.2
"""Radius of the blur in pixels: fine grain would only cost the models."""

WALLS = ("REDWALL", "MARBLE1", "SILVER2", "BRICK6", "PIPES", "STARTAN2", "CEMENT9", "PANEL2")
PILLARS = ("PANBLUE", "PANRED", "PANBLACK", "PANBOOK")
FLOORS = ("FLOOR0_2", "FLAT14", "GRASS2", "CEIL5_1")
NAMES = WALLS + PILLARS + FLOORS
"""Textures by index: walls, pillars, three floors, the ceiling."""


def write_atlas(wad: Wad, path: Path) -> None:
    """Cut the textures out of a WAD and write them as one palette PNG, row by row."""
    rows = len(NAMES) // COLUMNS
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * TILE))
    for index, name in enumerate(NAMES):
        picture = wad.texture(name) if name in wad.textures else wad.flat(name)
        side = min(picture.shape[:2])
        tile = Image.fromarray(picture[:side, :side]).resize((TILE, TILE), Image.Resampling.BOX)
        tile = tile.filter(ImageFilter.GaussianBlur(SOFTEN))
        sheet.paste(tile, (index % COLUMNS * TILE, index // COLUMNS * TILE))
    sheet.quantize(256).save(path, optimize=True)


@cache
def pyramid() -> tuple[Tensor, Tensor]:
    """All textures at all sizes, in one flat list of texels.

    Shapes: texels [n, 3] in [0, 1]; `offsets` [textures, levels], where each level begins; level l is a square of
    TILE / 2^l texels, row-major.
    """
    sheet = torch.from_numpy(np.array(Image.open(ATLAS).convert("RGB"))).float() / 255
    rows = len(NAMES) // COLUMNS
    tiles = sheet.reshape(rows, TILE, COLUMNS, TILE, 3).permute(0, 2, 4, 1, 3).reshape(-1, 3, TILE, TILE)
    parts: list[Tensor] = []
    starts: list[Tensor] = []
    total = 0
    while True:
        count, _, side, _ = tiles.shape
        parts.append(tiles.permute(0, 2, 3, 1).reshape(-1, 3))
        starts.append(total + torch.arange(count) * side * side)
        total += count * side * side
        if side == 1:
            return torch.cat(parts), torch.stack(starts, dim=1)
        tiles = F.avg_pool2d(tiles, 2)


@cache
def means() -> Tensor:
    """The mean colour of every texture, [textures, 3]."""
    texels, offsets = pyramid()
    return texels[offsets[:, -1]]


@cache
def quads() -> tuple[Tensor, Tensor]:
    """Every texel with its neighbours to the right, below and diagonally below, wrapped, for filtering.

    Shapes: [n, 4, 3], in the order of `pyramid`, and the same `offsets`.
    """
    texels, offsets = pyramid()
    parts: list[Tensor] = []
    for level, start in enumerate(offsets[0].tolist()):
        side = TILE >> level
        tiles = texels[start : start + len(NAMES) * side * side].reshape(len(NAMES), side, side, 3)
        right = tiles.roll(-1, 2)
        corners = torch.stack((tiles, right, tiles.roll(-1, 1), right.roll(-1, 1)), dim=3)
        parts.append(corners.reshape(-1, 4, 3))
    return torch.cat(parts), offsets


def main() -> None:
    """Write the atlas from a Freedoom WAD."""
    parser = argparse.ArgumentParser(description="Write the texture atlas of the rooms world.")
    parser.add_argument("wad", type=Path, help="freedoom2.wad of the Freedoom project")
    write_atlas(Wad(parser.parse_args().wad), ATLAS)


if __name__ == "__main__":
    main()
