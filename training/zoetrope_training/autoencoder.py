"""A small convolutional autoencoder whose latents lie on a fixed grid (finite scalar quantisation).

Source: FSQ, arXiv:2309.15505. Every latent channel is bounded to [-1, 1] and rounded to one of `levels`
evenly spaced values, so a generated latent can be rounded to the grid and small errors cannot add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


CELL = 8
"""Pixels a latent cell covers in each direction."""


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of an autoencoder.

    Attributes:
        size: width and height of the picture, pixels; a latent cell covers 8 of them in each direction.
        channels: latent channels.
        levels: grid points of each channel.
        widths: channels at 1/2, 1/4 and 1/8 of the picture's resolution.
        linear: whether linear maps between a cell's pixels and its latent stand beside the networks, see
            `Autoencoder.begin_linear`.
    """

    size: int = 128
    channels: int = 12
    levels: int = 5
    widths: tuple[int, int, int] = (32, 64, 96)
    linear: bool = False

    @property
    def grid(self) -> int:
        """Cells in each direction."""
        return self.size // CELL


def quantise(latent: Tensor, levels: int) -> Tensor:
    """Round to the grid -1 + 2k/(levels-1); gradients pass straight through. Any shape."""
    step = 2 / (levels - 1)
    rounded = ((latent.clamp(-1, 1) + 1) / step).round() * step - 1
    return latent + (rounded - latent).detach()


def window(place: Tensor, at: Tensor | None, side: int) -> Tensor:
    """Cut crops out of a learned map.

    Shapes: place [1, channels, h, w], at [batch, 2] (row, column) or None for all of it; returns
    [batch, channels, side, side] or place itself.
    """
    if at is None:
        return place
    span = torch.arange(side, device=place.device)
    rows, columns = at[:, 0, None] + span, at[:, 1, None] + span
    cells = rows[:, :, None] * place.shape[-1] + columns[:, None, :]
    return F.embedding(cells, place[0].flatten(1).T).permute(0, 3, 1, 2)


def hats(latent: Tensor, levels: int) -> Tensor:
    """Triangular basis of the level grid: one-hot on it, linear between.

    Shapes: [..., channels, h, w] to [..., channels * levels, h, w].
    """
    grid = torch.linspace(-1, 1, levels, device=latent.device, dtype=latent.dtype)
    spread = (latent.unsqueeze(-3) - grid[:, None, None]).abs() * ((levels - 1) / 2)
    return F.relu(1 - spread).flatten(-4, -3)


def blur(latent: Tensor, levels: int) -> Tensor:
    """Add what rounding could add: uniform noise of up to half a step. Any shape; a smooth stand-in early on."""
    noise = (torch.rand_like(latent) * 2 - 1) / (levels - 1)
    return (latent + noise).clamp(-1, 1)


class _Residual(nn.Module):
    """Two 3x3 convolutions around an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Encoder(nn.Module):
    """Picture to latent, halving the resolution three times; a code depends on its neighbourhood alone."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        fine, middle, wide = config.widths
        self.stages = nn.ModuleList(
            nn.Conv2d(4 * before, after, 3, padding=1) for before, after in ((3, fine), (fine, middle), (middle, wide))
        )
        self.mix = nn.Conv2d(wide, wide, 1)
        self.last = nn.Conv2d(wide, config.channels, 1)
        self.place = nn.Parameter(torch.zeros(1, wide, config.grid, config.grid))
        self.linear = nn.Conv2d(3 * CELL**2, config.channels, 1) if config.linear else None

    def forward(self, picture: Tensor, at: Tensor | None = None) -> Tensor:
        """Picture to latents on the grid of levels; arguments and shapes as in `continuous`."""
        return quantise(self.continuous(picture, at), self.config.levels)

    def continuous(self, picture: Tensor, at: Tensor | None = None) -> Tensor:
        """Encode pictures, or crops of them.

        Args:
            picture: float [batch, 3, size, size] in [0, 1]; smaller for crops.
            at: cell [batch, 2] (row, column) of each crop's corner; the whole picture when absent.

        Returns:
            Latents in (-1, 1), not rounded, [batch, channels, grid, grid].
        """
        x = picture - 0.5
        for stage in self.stages[:-1]:
            x = F.relu(stage(F.pixel_unshuffle(x, 2)))
        x = self.stages[-1](F.pixel_unshuffle(x, 2))
        x = F.relu(x + window(self.place, at, x.shape[-1]))
        x = F.relu(self.mix(x)) + x
        latent = self.last(x)
        if self.linear is not None:
            latent = latent + self.linear(F.pixel_unshuffle(picture - 0.5, CELL))
        return torch.tanh(latent)


class Decoder(nn.Module):
    """Latent to picture, doubling the resolution three times, so that each stage settles one bit of position."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        fine, middle, wide = config.widths
        self.first = nn.Conv2d(config.channels * config.levels, wide, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(1, wide, config.grid, config.grid))
        self.coarse = _Residual(wide)
        self.to_middle = nn.Conv2d(wide, 4 * middle, 1)
        self.middle = _Residual(middle)
        self.to_fine = nn.Conv2d(middle, 4 * fine, 1)
        self.fine = _Residual(fine)
        self.last = nn.Conv2d(fine, 3 * 4, 3, padding=1)
        self.still = nn.Parameter(torch.full((1, 3 * CELL**2, config.grid, config.grid), 0.5))
        self.linear = nn.Conv2d(config.channels, 3 * CELL**2, 1) if config.linear else None

    def forward(self, latent: Tensor, at: Tensor | None = None) -> Tensor:
        """Decode latents, or crops of them (`at` as in `Encoder.forward`).

        Shapes: float [batch, channels, grid, grid] to [batch, 3, size, size], about [0, 1], not clipped.
        """
        side = latent.shape[-1]
        x = self.coarse(self.first(hats(latent, self.config.levels)) + window(self.place, at, side))
        x = self.middle(F.pixel_shuffle(self.to_middle(F.relu(x)), 2))
        x = self.fine(F.pixel_shuffle(self.to_fine(F.relu(x)), 2))
        detail = F.pixel_shuffle(self.last(F.relu(x)), 2)
        still = window(self.still, at, side)
        if self.linear is not None:
            still = still + self.linear(latent)
        return detail + F.pixel_shuffle(still, CELL)


class Autoencoder(nn.Module):
    """Both halves."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    @torch.no_grad()
    def begin_linear(self, pictures: Tensor, reach: float = 2.5) -> None:
        """Begin as the principal components of cells, which the networks then better: hundreds of steps are saved.

        Args:
            pictures: float [n, 3, size, size] of the kind to come.
            reach: standard deviations of a component that fill a latent's range.
        """
        assert self.encoder.linear is not None and self.decoder.linear is not None
        cells = F.pixel_unshuffle(pictures - 0.5, CELL).permute(0, 2, 3, 1).flatten(0, 2)
        middle = cells.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(cells.T))
        axes, spread = vectors[:, -self.config.channels :].T, values[-self.config.channels :].clamp(min=1e-8).sqrt() * reach
        self.encoder.linear.weight.copy_((axes / spread[:, None])[..., None, None])
        self.encoder.linear.bias.copy_(-(axes / spread[:, None]) @ middle)
        self.decoder.linear.weight.copy_((axes * spread[:, None]).T[..., None, None])
        self.decoder.linear.bias.copy_(middle)
        for layer in (self.encoder.last, self.decoder.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, picture: Tensor, at: Tensor | None = None, rounds: bool = True) -> Tensor:
        """Picture, or crops at cells `at`, to the reconstruction; same shape. Blurs instead unless `rounds`."""
        latent = self.encoder.continuous(picture, at)
        step = quantise if rounds else blur
        return self.decoder(step(latent, self.config.levels), at)


def reconstruction_loss(output: Tensor, picture: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 + 2 L2 + half the L1 of the picture's gradients.

    Args:
        output, picture: [batch, 3, h, w].
        weight: [batch, 1, h, w], 1 where nothing matters in particular.
    """
    error = output - picture
    across, down = error.diff(dim=-1), error.diff(dim=-2)
    return (
        (weight * (error.abs() + 2 * error.square())).mean()
        + 0.5 * (weight[..., 1:] * across.abs()).mean()
        + 0.5 * (weight[..., 1:, :] * down.abs()).mean()
    )
