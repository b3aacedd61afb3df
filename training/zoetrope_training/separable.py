"""A world model of the separable topology, for latents on a grid of levels.

A causal transformer runs once per frame on the newest frame and the control of the frame to come; a small
convolutional denoiser, conditioned on it and on the last two frames, runs the denoising steps.

Sources: the split of causal pass and denoising steps is arXiv:2602.10095; cross-entropy over the levels of
a continuously noised grid is arXiv:2211.15089; frame-causal play with per-frame noise is arXiv:2506.01380.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .autoencoder import hats

EMPTY = -1e4
"""Attention bias of a slot that holds nothing."""


@dataclass(frozen=True)
class SeparableConfig:
    """Sizes of a separable world model.

    Attributes:
        channels, grid, levels: of the latent.
        controls: length of the control vector.
        width, layers, heads: of the causal transformer; a head has `width // heads` dimensions.
        patch: latent cells a token covers in each direction.
        rotary: dimensions of a head that turn with time.
        theta: base of the rotary frequencies.
        window, sinks: frames the cache keeps.
        features: channels of the conditioning the transformer hands the denoiser.
        denoiser_width, denoiser_blocks: of the convolutional denoiser.
        previous: clean frames the denoiser sees directly.
    """

    channels: int = 8
    grid: int = 16
    levels: int = 5
    controls: int = 3
    width: int = 192
    layers: int = 3
    heads: int = 3
    patch: int = 2
    rotary: int = 32
    theta: float = 100.0
    window: int = 7
    sinks: int = 1
    features: int = 48
    denoiser_width: int = 80
    denoiser_blocks: int = 4
    previous: int = 2

    @property
    def tokens(self) -> int:
        """Tokens of one frame."""
        return (self.grid // self.patch) ** 2

    @property
    def head_dim(self) -> int:
        """Dimensions of one head."""
        return self.width // self.heads

    @property
    def slots(self) -> int:
        """Cached tokens a block attends to."""
        return (self.window + self.sinks) * self.tokens


def norm(x: Tensor) -> Tensor:
    """Root-mean-square norm over the last axis, without a gain (arXiv:1910.07467)."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def rotary_tables(positions: Tensor, rotary: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of `positions` [n]: float32 [n, rotary / 2] each (arXiv:2104.09864)."""
    half = rotary // 2
    frequency = theta ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = positions.float()[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the first dimensions of each head: x [..., n, head_dim], tables [n, rotary / 2]."""
    half = cos.shape[-1]
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


def band(frames: int, window: int, sinks: int) -> Tensor:
    """Which frame sees which: itself, the `window` frames before it, the first `sinks`. Bool [frames, frames]."""
    query, key = torch.arange(frames)[:, None], torch.arange(frames)[None]
    return (key <= query) & ((query - key <= window) | (key < sinks))


class Layer(nn.Module):
    """One pre-norm transformer layer whose keys are cached un-rotated."""

    def __init__(self, config: SeparableConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.gain = nn.Parameter(torch.full((config.heads, 1, 1), 1.0))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.down.weight)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [batch, n, width] to query, key, value [batch, heads, n, head_dim]; query and key normed."""
        batch, n, _ = x.shape
        parts = self.qkv(norm(x)).view(batch, n, 3, self.config.heads, self.config.head_dim)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return norm(query) * self.gain, norm(key), value

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add attention [batch, heads, n, head_dim] and the MLP to x [batch, n, width]."""
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(norm(x)), approximate="tanh"))


class CausalEncoder(nn.Module):
    """Latents and controls to conditioning, frame-causal."""

    def __init__(self, config: SeparableConfig) -> None:
        super().__init__()
        self.config = config
        planes = config.channels * config.levels * config.patch**2
        self.embed = nn.Linear(planes, config.width)
        self.control = nn.Linear(config.controls, config.width)
        self.place = nn.Parameter(torch.randn(config.tokens, config.width) * 0.1)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.head = nn.Linear(config.width, config.features * config.patch**2)

    def tokens(self, latent: Tensor, control: Tensor) -> Tensor:
        """latent [n, channels, grid, grid], control [n, controls] to [n, tokens, width]."""
        patches = F.pixel_unshuffle(hats(latent, self.config.levels), self.config.patch)
        return self.embed(patches.flatten(2).transpose(1, 2)) + self.place + self.control(control)[:, None]

    def unfold(self, tokens: Tensor) -> Tensor:
        """[n, tokens, width] to features [n, features, grid, grid]."""
        side = self.config.grid // self.config.patch
        grid = self.head(norm(tokens)).transpose(1, 2).unflatten(2, (side, side))
        return F.pixel_shuffle(grid, self.config.patch)

    def forward(self, latent: Tensor, control: Tensor) -> Tensor:
        """A whole clip at once under the block-causal banded mask.

        Shapes: latent [batch, frames, channels, grid, grid], control [batch, frames, controls];
        returns [batch, frames, features, grid, grid].
        """
        config = self.config
        batch, frames = latent.shape[:2]
        x = self.tokens(latent.flatten(0, 1), control.flatten(0, 1)).view(batch, frames * config.tokens, -1)
        at = torch.arange(frames).repeat_interleave(config.tokens)
        cos, sin = rotary_tables(at, config.rotary, config.theta)
        allowed = band(frames, config.window, config.sinks)[at][:, at]
        scale = config.head_dim**0.5 / config.head_dim**0.5
        for layer in self.layers:
            query, key, value = layer.heads(x)
            attended = F.scaled_dot_product_attention(
                rotate(query, cos, sin).to(value.dtype), rotate(key, cos, sin).to(value.dtype), value,
                attn_mask=allowed, scale=scale / config.head_dim**0.5,
            )
            x = layer.finish(x, attended)
        return self.unfold(x.view(batch * frames, config.tokens, -1)).unflatten(0, (batch, frames))


class CachedEncoder(nn.Module):
    """One frame of a `CausalEncoder` against a cache, with the signature of the package contract."""

    def __init__(self, encoder: CausalEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, latent: Tensor, control: Tensor, cache_key: Tensor, cache_value: Tensor, cache_bias: Tensor,
        cache_cos: Tensor, cache_sin: Tensor, query_cos: Tensor, query_sin: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes: docs/package-format.md. Returns features, key, value of the newest frame."""
        config = self.encoder.config
        x = self.encoder.tokens(latent, control)
        keys, values = [], []
        bias = torch.cat([cache_bias, torch.zeros(config.tokens)])
        for index, layer in enumerate(self.encoder.layers):
            query, key, value = layer.heads(x)
            past = rotate(cache_key[index : index + 1], cache_cos, cache_sin)
            every_key = torch.cat([past, rotate(key, query_cos, query_sin)], 2)
            every_value = torch.cat([cache_value[index : index + 1], value], 2)
            score = rotate(query, query_cos, query_sin) @ every_key.transpose(-1, -2)
            weight = torch.softmax(score / math.sqrt(config.head_dim) + bias, -1)
            x = layer.finish(x, weight @ every_value)
            keys.append(key)
            values.append(value)
        return self.encoder.unfold(x), torch.cat(keys), torch.cat(values)


class _Block(nn.Module):
    """A residual pair of convolutions, modulated by sigma, that also sees the whole picture's mean and maximum."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.whole = nn.Linear(2 * width, width)
        self.film = nn.Linear(embedding, 2 * width)
        for layer in (self.second, self.film):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.film(embedding)[..., None, None].chunk(2, 1)
        y = self.first(F.silu(x)) * (1 + scale) + shift
        whole = self.whole(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1))
        return x + self.second(F.silu(y + whole[..., None, None]))


class Denoiser(nn.Module):
    """Noisy latent, the last clean frames and conditioning to scores of every level of every channel."""

    EMBEDDING = 32

    def __init__(self, config: SeparableConfig) -> None:
        super().__init__()
        self.config = config
        width = config.denoiser_width
        planes = config.channels * (1 + config.previous * config.levels) + config.features
        self.first = nn.Conv2d(planes, width, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(1, width, config.grid, config.grid))
        self.sigma = nn.Sequential(nn.Linear(8, self.EMBEDDING), nn.SiLU(), nn.Linear(self.EMBEDDING, self.EMBEDDING))
        self.blocks = nn.ModuleList(_Block(width, self.EMBEDDING) for _ in range(config.denoiser_blocks))
        self.last = nn.Conv2d(width, config.channels * config.levels, 1)
        self.copy = nn.Parameter(torch.tensor(3.0))

    def scores(self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor) -> Tensor:
        """Unnormalised log-probability of each level.

        Shapes: sample [n, channels, grid, grid], sigma [n], features [n, features, grid, grid],
        previous [n, previous, channels, grid, grid]; returns [n, channels * levels, grid, grid].
        """
        past = hats(previous, self.config.levels)
        waves = sigma[:, None] * math.pi * torch.tensor([0.5, 1.0, 2.0, 4.0])
        embedding = self.sigma(torch.cat([waves.sin(), waves.cos()], -1))
        x = self.first(torch.cat([sample, features, past.flatten(1, 2)], 1)) + self.place
        for block in self.blocks:
            x = block(x, embedding)
        return self.last(F.silu(x)) + self.copy * past[:, -1]

    def forward(self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor) -> Tensor:
        """The most likely clean latent, on the grid; `previous` without a batch axis (batch is 1)."""
        scores = self.scores(sample, sigma, features, previous[None])
        levels = self.config.levels
        best = scores.unflatten(1, (self.config.channels, levels)).argmax(2)
        return best.float() * (2 / (levels - 1)) - 1


class SeparableModel(nn.Module):
    """Both networks, trained together."""

    def __init__(self, config: SeparableConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = CausalEncoder(config)
        self.denoiser = Denoiser(config)
