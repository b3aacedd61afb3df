"""Read pictures out of a Doom WAD file: the palette, flats and composed wall textures.

Source: the WAD layout of Doom, as described in "The Unofficial Doom Specs" 1.666.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
FLAT_SIZE = 64
"""Pixels per side of a flat."""
COLUMN_END = 255


def text(raw: bytes) -> str:
    """A name padded with zeros."""
    return raw.split(b"\0")[0].decode("ascii").upper()


class Wad:
    """A WAD file, read whole.

    @raises KeyError: a lump or texture that the file does not hold is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        count, directory = struct.unpack_from("<ii", self.content, 4)
        self.lumps: dict[str, tuple[int, int]] = {}
        for index in range(count):
            start, size, name = struct.unpack_from("<ii8s", self.content, directory + 16 * index)
            self.lumps[text(name)] = (start, size)
        start, _ = self.lumps["PLAYPAL"]
        self.palette = np.frombuffer(self.content, np.uint8, 768, start).reshape(256, 3)
        self.patch_names = self.read_patch_names()
        self.textures = self.read_texture_offsets()

    def read_patch_names(self) -> list[str]:
        """Names of the patches that wall textures are composed of."""
        start, _ = self.lumps["PNAMES"]
        (count,) = struct.unpack_from("<i", self.content, start)
        return [text(self.content[start + 4 + 8 * i : start + 12 + 8 * i]) for i in range(count)]

    def read_texture_offsets(self) -> dict[str, int]:
        """Where each wall texture is described."""
        start, _ = self.lumps["TEXTURE1"]
        (count,) = struct.unpack_from("<i", self.content, start)
        offsets = [start + offset for offset in struct.unpack_from(f"<{count}i", self.content, start + 4)]
        return {text(self.content[offset : offset + 8]): offset for offset in offsets}

    def flat(self, name: str) -> Picture:
        """A floor or ceiling tile, [64, 64, 3]."""
        start, _ = self.lumps[name]
        indices = np.frombuffer(self.content, np.uint8, FLAT_SIZE**2, start).reshape(FLAT_SIZE, FLAT_SIZE)
        return self.palette[indices]

    def patch(self, name: str) -> NDArray[np.uint8]:
        """A patch as palette indices, [height, width]; holes are index 0."""
        start, _ = self.lumps[name]
        width, height = struct.unpack_from("<hh", self.content, start)
        indices = np.zeros((height, width), np.uint8)
        for x, column in enumerate(struct.unpack_from(f"<{width}i", self.content, start + 8)):
            post = start + column
            while self.content[post] != COLUMN_END:
                top, length = self.content[post], self.content[post + 1]
                pixels = np.frombuffer(self.content, np.uint8, length, post + 3)
                indices[top : top + length, x] = pixels[: max(0, height - top)]
                post += length + 4
        return indices

    def texture(self, name: str) -> Picture:
        """A wall texture composed of its patches, [height, width, 3]."""
        offset = self.textures[name]
        width, height = struct.unpack_from("<hh", self.content, offset + 12)
        (count,) = struct.unpack_from("<h", self.content, offset + 20)
        indices = np.zeros((height, width), np.uint8)
        for index in range(count):
            x, y, number = struct.unpack_from("<hhh", self.content, offset + 22 + 10 * index)
            patch = self.patch(self.patch_names[number])
            left, top = max(0, x), max(0, y)
            right, bottom = min(width, x + patch.shape[1]), min(height, y + patch.shape[0])
            if right > left and bottom > top:
                indices[top:bottom, left:right] = patch[top - y : bottom - y, left - x : right - x]
        return self.palette[indices]
