"""Learned compressors of a cache: the keys and values of some frames become those of one.

Source: ConvKV of SoulX-LiveAct (arXiv:2603.11746), a strided depthwise convolution over un-rotated keys and raw
values that begins as a mean. Here keys and values have kernels of their own in every layer, and a residual network
that begins at zero may correct each token by what its group held.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def groups_of(part: Tensor, frames: int, raster: bool) -> Tensor:
    """Tokens by the group they are folded in: [layers, batch, heads, frames * T, head_dim] to [..., T, frames, head_dim].

    Temporal groups hold one place over all frames, raster groups neighbours along a frame's tokens.
    """
    if raster:
        return part.unflatten(3, (-1, frames))
    return part.unflatten(3, (frames, -1)).transpose(3, 4)


def fold_mean(key: Tensor, value: Tensor, frames: int, raster: bool) -> tuple[Tensor, Tensor]:
    """The mean of each group; shapes as `Compressor.forward`."""
    return groups_of(key, frames, raster).mean(4), groups_of(value, frames, raster).mean(4)


class Compressor(nn.Module):
    """Depthwise kernels over groups, by layer and head, and a residual network over each folded token."""

    def __init__(self, layers: int, heads: int, head_dim: int, *, frames: int, tokens: int, raster: bool) -> None:
        super().__init__()
        self.frames, self.heads, self.tokens, self.raster = frames, heads, tokens, raster
        width = heads * head_dim
        self.kernel = nn.Parameter(torch.full((2, layers, heads, frames, head_dim), 1 / frames))
        self.up = nn.Parameter(torch.randn(layers, 2 * width, 2 * width) / (2 * width) ** 0.5)
        self.down = nn.Parameter(torch.zeros(layers, 2 * width, 2 * width))

    def forward(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Fold. Shapes: [layers, batch, heads, frames * T, head_dim] each to [layers, batch, heads, T, head_dim]."""
        grouped = torch.stack([groups_of(part, self.frames, self.raster) for part in (key, value)])
        folded = (grouped * self.kernel[:, :, None, :, None]).sum(5)
        flat = folded.transpose(3, 4).flatten(4)
        hidden = F.silu(torch.cat([flat[0], flat[1]], -1) @ self.up[:, None])
        change = (hidden @ self.down[:, None]).unflatten(3, (2, self.heads, -1)).movedim(3, 0).transpose(3, 4)
        key, value = (folded + change).unbind(0)
        return key, value
