"""The compressor of the avatar's cache: four frames beyond a short window become one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...graphs import Graph
from ..maze.compressor import Compressor
from . import SHELF
from .model import AvatarConfig

GROUP = 4
"""Frames that become one."""
RECENT = 8
"""Frames that stay as they came where older ones are folded."""
GROUPS = 2
"""Groups that are kept beyond them."""


class CompressorGraph(nn.Module):
    """Keys and values of a group, [layers, heads, GROUP * T, head_dim], to those of one frame, [layers, heads, T, head_dim]."""

    def __init__(self, model: Compressor) -> None:
        super().__init__()
        self.model = model

    def forward(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Fold."""
        key, value = self.model(key[:, None], value[:, None])
        return key[:, 0], value[:, 0]


def new_compressor(config: AvatarConfig) -> Compressor:
    """A compressor that is still the mean."""
    sizes = config.transformer
    return Compressor(sizes.layers, sizes.heads, sizes.head_dim, frames=GROUP, tokens=config.tokens_per_frame, raster=False)


def load_compressor(config: AvatarConfig) -> Compressor:
    """The trained compressor.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    compressor = new_compressor(config)
    path = SHELF.find("compressor.pt", "run `training/run avatar compressor` first")
    compressor.load_state_dict(torch.load(path)["model"])
    return compressor.eval().requires_grad_(False)


def compressor_graph(compressor: Compressor, config: AvatarConfig) -> Graph:
    """The graph with example inputs."""
    sizes, generator = config.transformer, torch.Generator().manual_seed(3)
    shape = (sizes.layers, sizes.heads, GROUP * config.tokens_per_frame, sizes.head_dim)
    inputs = {name: torch.randn(*shape, generator=generator) for name in ("group_key", "group_value")}
    return Graph("compressor", "compressor.onnx", CompressorGraph(compressor), inputs, ("key", "value"))
