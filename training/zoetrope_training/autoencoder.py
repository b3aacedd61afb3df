"""A small convolutional autoencoder whose latents lie on a fixed grid (finite scalar quantisation).

Source: FSQ, arXiv:2309.15505. Every latent channel is bounded to [-1, 1] and rounded to one of `levels`
evenly spaced values, so a generated latent can be rounded to the grid and small errors cannot add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of an autoencoder.

    Attributes:
        size: width and height of the picture, pixels.
        patch: pixels a latent cell covers in each direction.
        channels: latent channels.
        levels: grid points of each channel.
        encoder_width: channels of the encoder at the latent grid.
        decoder_widths: channels of the decoder at 1x and 2x the latent grid.
        positional: give both halves a learned map of the grid, for worlds with one fixed scenery.
    """

    size: int = 128
    patch: int = 8
    channels: int = 8
    levels: int = 5
    encoder_width: int = 160
    decoder_widths: tuple[int, int] = (96, 48)
    positional: bool = True

    @property
    def grid(self) -> int:
        """Cells in each direction."""
        return self.size // self.patch


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
    """Picture to latent; one 3x3 convolution of cells, so a code depends on its neighbourhood alone."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.encoder_width
        self.patches = nn.PixelUnshuffle(config.patch)
        self.first = nn.Conv2d(3 * config.patch**2, width, 3, padding=1)
        self.mix = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(2))
        self.last = nn.Conv2d(width, config.channels, 1)
        self.place = nn.Parameter(torch.zeros(1, width, config.grid, config.grid))

    def forward(self, picture: Tensor, at: Tensor | None = None) -> Tensor:
        """Encode pictures, or crops of them.

        Args:
            picture: float [batch, 3, size, size] in [0, 1]; smaller for crops.
            at: cell [batch, 2] (row, column) of each crop's corner; the whole picture when absent.

        Returns:
            Latents on the grid, [batch, channels, grid, grid].
        """
        x = self.first(self.patches(picture - 0.5))
        x = F.relu(x + window(self.place, at, x.shape[-1]))
        for layer in self.mix:
            x = F.relu(layer(x)) + x
        return quantise(torch.tanh(self.last(x)), self.config.levels)


class Decoder(nn.Module):
    """Latent to picture: residuals at the latent grid, more at twice it, then a pixel shuffle."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        wide, fine = config.decoder_widths
        self.first = nn.Conv2d(config.channels * config.levels, wide, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(1, wide, config.grid, config.grid))
        self.coarse = nn.Sequential(_Residual(wide), _Residual(wide))
        self.up = nn.Conv2d(wide, fine * 4, 1)
        self.fine = _Residual(fine)
        self.last = nn.Conv2d(fine, 3 * (config.patch // 2) ** 2, 3, padding=1)
        self.still = nn.Parameter(torch.full((1, 3 * config.patch**2, config.grid, config.grid), 0.5))

    def forward(self, latent: Tensor, at: Tensor | None = None) -> Tensor:
        """Decode latents, or crops of them (`at` as in `Encoder.forward`).

        Shapes: float [batch, channels, grid, grid] to [batch, 3, size, size], about [0, 1], not clipped.
        """
        side = latent.shape[-1]
        x = self.coarse(self.first(hats(latent, self.config.levels)) + window(self.place, at, side))
        x = self.fine(F.pixel_shuffle(self.up(F.relu(x)), 2))
        detail = F.pixel_shuffle(self.last(F.relu(x)), self.config.patch // 2)
        return detail + F.pixel_shuffle(window(self.still, at, side), self.config.patch)


class Autoencoder(nn.Module):
    """Both halves."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def forward(self, picture: Tensor, at: Tensor | None = None) -> Tensor:
        """Picture, or crops at cells `at`, to the reconstruction; same shape."""
        return self.decoder(self.encoder(picture, at), at)


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
