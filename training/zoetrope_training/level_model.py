"""A separable world model for latents on a grid of levels.

Latents enter as a triangular basis of the levels, and the denoiser scores every level of every channel, so it
learns by cross-entropy and answers with a point of the grid (arXiv:2211.15089 does so for words). The causal
pass is the one of `world_model`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoetrope_training.autoencoder import hats
from zoetrope_training.denoiser import DenoiserConfig
from zoetrope_training.transformer import CacheInputs, TransformerConfig
from zoetrope_training.world_model import CausalEncoder, SeparableWorldModel, WorldModelConfig, previous_latents

WAVES = (0.5, 1.0, 2.0, 4.0)
"""Half turns of the code of a noise level."""
EMBEDDING = 32


@dataclass(frozen=True)
class LevelModelConfig:
    """A world model's sizes, and how many levels each latent channel has."""

    world: WorldModelConfig = field(
        default_factory=lambda: WorldModelConfig(
            latent_channels=12,
            controls=3,
            features=48,
            transformer=TransformerConfig(layers=2, heads=2, sink_frames=0, window_frames=7),
            denoiser=DenoiserConfig(channels=80, depth=4),
        )
    )
    levels: int = 5


class LevelEncoder(CausalEncoder):
    """The causal pass over the basis of the levels."""

    def __init__(self, config: LevelModelConfig) -> None:
        super().__init__(replace(config.world, latent_channels=config.world.latent_channels * config.levels))
        self.levels = config.levels

    def forward(self, latents: Tensor, control: Tensor, context_sigma: Tensor) -> Tensor:
        """As `CausalEncoder.forward`."""
        return super().forward(hats(latents, self.levels), control, context_sigma)

    def forward_cached(self, latent: Tensor, control: Tensor, past: CacheInputs) -> tuple[Tensor, Tensor, Tensor]:
        """As `CausalEncoder.forward_cached`."""
        return super().forward_cached(hats(latent, self.levels), control, past)


class _Block(nn.Module):
    """A residual pair of convolutions, modulated by sigma, that also sees the picture's mean and maximum.

    The maximum lets the whole picture agree on one place: where a star appears is where one roll is largest.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.whole = nn.Linear(2 * width, width)
        self.film = nn.Linear(EMBEDDING, 2 * width)
        for layer in (self.second, self.film):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.film(embedding)[..., None, None].chunk(2, 1)
        y = self.first(F.silu(x)) * (1 + scale) + shift
        whole = self.whole(torch.cat([y.mean((2, 3)), y.amax((2, 3))], 1))
        return x + self.second(F.silu(y + whole[..., None, None]))


class LevelDenoiser(nn.Module):
    """Noisy latent, the last clean frames and features to scores of every level of every channel.

    With a summary, every cell also sees the whole of the noisy latent, so that all can agree on what its noise decides.
    """

    def __init__(self, config: LevelModelConfig) -> None:
        super().__init__()
        world, width = config.world, config.world.denoiser.channels
        self.levels = config.levels
        planes = world.latent_channels * (1 + world.previous_frames * config.levels) + world.features
        self.first = nn.Conv2d(planes, width, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(1, width, world.height, world.width))
        self.sigma = nn.Sequential(nn.Linear(2 * len(WAVES), EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING))
        self.blocks = nn.ModuleList(_Block(width) for _ in range(world.denoiser.depth))
        self.last = nn.Conv2d(width, world.latent_channels * config.levels, 1)
        self.copy = nn.Parameter(torch.tensor(3.0))
        cells = world.latent_channels * world.height * world.width
        self.whole = nn.Linear(cells, width, bias=False) if world.summary else None

    def forward(self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor) -> Tensor:
        """Unnormalised log-probability of each level.

        Shapes: sample [n, channels, grid, grid], sigma [n], features [n, features, grid, grid],
        previous [n, previous, channels, grid, grid]; returns [n, channels * levels, grid, grid].
        """
        past = hats(previous, self.levels)
        angles = sigma[:, None] * math.pi * torch.tensor(WAVES)
        embedding = self.sigma(torch.cat([angles.sin(), angles.cos()], -1))
        x = self.first(torch.cat([sample, features, past.flatten(1, 2)], 1)) + self.place
        if self.whole is not None:
            x = x + self.whole(sample.flatten(1))[:, :, None, None]
        for block in self.blocks:
            x = block(x, embedding)
        return self.last(F.silu(x)) + self.copy * past[:, -1]


class LevelWorldModel(SeparableWorldModel):
    """A causal encoder and a denoiser that answers on the grid of levels."""

    def __init__(self, config: LevelModelConfig) -> None:
        nn.Module.__init__(self)
        self.config = config.world
        self.levels = config.levels
        self.encoder = LevelEncoder(config)
        self.denoiser = LevelDenoiser(config)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        features: Tensor,
        previous: Tensor,
        context_sigma: Tensor | None = None,
    ) -> Tensor:
        """The most likely clean latent; as `SeparableWorldModel.forward`."""
        return best_levels(self.denoiser(sample, sigma, features, previous), self.levels)


def best_levels(scores: Tensor, levels: int) -> Tensor:
    """Scores [n, channels * levels, h, w] to the most likely latents [n, channels, h, w]."""
    return scores.unflatten(1, (-1, levels)).argmax(2).float() * (2 / (levels - 1)) - 1


def last_frames(clip: Tensor) -> Tensor:
    """Each frame of a clip and the one before it: [batch, n, ...] to [batch, n, 2, ...]; the first is doubled."""
    return torch.cat([previous_latents(clip, 1), clip[:, :, None]], 2)
