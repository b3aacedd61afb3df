"""Denoisers of the separable topology: small networks that run every denoising step of one frame.

They see the noisy sample, what the causal encoder says about the frame to come, and the last clean latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_FREQUENCIES = 32
"""Pairs of the sinusoidal code of a noise level."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of a denoiser."""

    kind: Literal["convolution", "transformer"] = "convolution"
    channels: int = 128
    depth: int = 5
    """Residual blocks of a convolution, layers of a transformer."""
    patch: int = 1
    """Latent cells per side folded into one position; the features come on the same grid."""
    pooled: bool = False
    """Whether every residual block also gets a global average of its input (one small layer each)."""
    head_dim: int = 32
    """Channels of an attention head; transformer only."""


class SigmaEmbedding(nn.Module):
    """Sinusoidal code of a noise level followed by a two-layer network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        frequencies = torch.exp(torch.linspace(0.0, 6.0, SIGMA_FREQUENCIES))  # 1 to 403 radians per unit of sigma
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.network = nn.Sequential(nn.Linear(2 * SIGMA_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: Tensor) -> Tensor:
        """Shapes: `sigma` [...] in [0, 1]; result [..., width]."""
        assert isinstance(self.frequencies, Tensor)
        angles = sigma[..., None].float() * self.frequencies
        return self.network(torch.cat((angles.cos(), angles.sin()), dim=-1))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with group norm, scaled and shifted (FiLM) by the conditioning vector."""

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        groups = max(1, channels // 16)
        self.norm_in = nn.GroupNorm(groups, channels)
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_out = nn.GroupNorm(groups, channels, affine=False)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(channels, 2 * channels)
        self.pooled = nn.Linear(channels, channels) if pooled else None
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor, conditioning: Tensor) -> Tensor:
        """Shapes: `x` [B, channels, h, w] in and out; `conditioning` [B, channels]."""
        hidden = self.conv_in(F.silu(self.norm_in(x)))
        if self.pooled is not None:
            hidden = hidden + self.pooled(F.silu(x.mean(dim=(2, 3))))[:, :, None, None]
        scale, shift = self.film(F.silu(conditioning))[:, :, None, None].chunk(2, dim=1)
        return x + self.conv_out(F.silu(self.norm_out(hidden) * (1 + scale) + shift))


@dataclass(frozen=True)
class DenoiserShapes:
    """What a denoiser is connected to: latent channels, previous frames, feature channels, grid cells per side."""

    latent_channels: int
    previous_frames: int
    features: int
    height: int
    width: int


class ConvDenoiser(nn.Module):
    """A convolutional residual network on the latent grid."""

    def __init__(self, config: DenoiserConfig, shapes: DenoiserShapes) -> None:
        super().__init__()
        self.config = config
        cell = shapes.latent_channels * config.patch**2
        self.stem = nn.Conv2d(cell * (1 + shapes.previous_frames) + shapes.features, config.channels, 3, padding=1)
        self.sigma = SigmaEmbedding(config.channels)
        self.context_sigma = SigmaEmbedding(config.channels)
        self.blocks = nn.ModuleList(ResidualBlock(config.channels, pooled=config.pooled) for _ in range(config.depth))
        self.norm = nn.GroupNorm(max(1, config.channels // 16), config.channels)
        self.head = nn.Conv2d(config.channels, cell, 3, padding=1)
        nn.init.zeros_(self.head.weight)

    def forward(
        self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor, context_sigma: Tensor
    ) -> Tensor:
        """Predict for one frame.

        Shapes: `sample` [B, C, H, W]; `sigma`, `context_sigma` [B]; `features` [B, D, h, w];
        `previous` [B, P, C, H, W], newest last; result [B, C, H, W].
        """
        patch = self.config.patch
        grids = torch.cat((sample, previous.flatten(1, 2)), dim=1)
        if patch > 1:
            grids = F.pixel_unshuffle(grids, patch)
        conditioning = self.sigma(sigma) + self.context_sigma(context_sigma)
        hidden = self.stem(torch.cat((grids, features.to(grids.dtype)), dim=1))
        for block in self.blocks:
            hidden = block(hidden, conditioning)
        prediction = self.head(F.silu(self.norm(hidden)))
        return F.pixel_shuffle(prediction, patch) if patch > 1 else prediction


class AttentionBlock(nn.Module):
    """A transformer layer inside one frame: full attention, adaLN from the conditioning vector."""

    def __init__(self, width: int, head_dim: int) -> None:
        super().__init__()
        self.heads, self.head_dim = width // head_dim, head_dim
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, conditioning: Tensor) -> Tensor:
        """Shapes: `x` [B, n, width] in and out; `conditioning` [B, width]."""
        parts = self.modulation(F.silu(conditioning))[:, None].chunk(6, dim=-1)
        shift, scale, gate, mlp_shift, mlp_scale, mlp_gate = parts
        hidden = F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        qkv = self.qkv(hidden).reshape(x.shape[0], x.shape[1], 3, self.heads, self.head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (query * self.head_dim**-0.5) @ key.transpose(-1, -2)
        attended = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(x.shape)
        x = x + gate * self.proj(attended)
        hidden = F.layer_norm(x, x.shape[-1:]) * (1 + mlp_scale) + mlp_shift
        return x + mlp_gate * self.down(F.gelu(self.up(hidden), approximate="tanh"))


class TransformerDenoiser(nn.Module):
    """The same contract as `ConvDenoiser` with attention inside the frame, for comparisons at equal cost."""

    def __init__(self, config: DenoiserConfig, shapes: DenoiserShapes) -> None:
        super().__init__()
        self.config = config
        cell = shapes.latent_channels * config.patch**2
        self.stem = nn.Conv2d(cell * (1 + shapes.previous_frames) + shapes.features, config.channels, 1)
        self.position = nn.Parameter(0.02 * torch.randn(shapes.height * shapes.width, config.channels))
        self.sigma = SigmaEmbedding(config.channels)
        self.context_sigma = SigmaEmbedding(config.channels)
        self.blocks = nn.ModuleList(AttentionBlock(config.channels, config.head_dim) for _ in range(config.depth))
        self.head = nn.Linear(config.channels, cell)
        nn.init.zeros_(self.head.weight)

    def forward(
        self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor, context_sigma: Tensor
    ) -> Tensor:
        """Predict for one frame; shapes as `ConvDenoiser.forward`."""
        patch = self.config.patch
        grids = torch.cat((sample, previous.flatten(1, 2)), dim=1)
        if patch > 1:
            grids = F.pixel_unshuffle(grids, patch)
        grid = self.stem(torch.cat((grids, features.to(grids.dtype)), dim=1))
        hidden = grid.flatten(2).transpose(1, 2) + self.position  # [B, h·w, channels]
        conditioning = self.sigma(sigma) + self.context_sigma(context_sigma)
        for block in self.blocks:
            hidden = block(hidden, conditioning)
        prediction = self.head(F.layer_norm(hidden, hidden.shape[-1:]))
        prediction = prediction.transpose(1, 2).reshape(grid.shape[0], -1, *grid.shape[2:])
        return F.pixel_shuffle(prediction, patch) if patch > 1 else prediction


def build_denoiser(config: DenoiserConfig, shapes: DenoiserShapes) -> ConvDenoiser | TransformerDenoiser:
    """Make the denoiser that `config.kind` names."""
    return (ConvDenoiser if config.kind == "convolution" else TransformerDenoiser)(config, shapes)
