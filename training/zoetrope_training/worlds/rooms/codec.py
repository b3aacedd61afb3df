"""The autoencoder with latents normalised per channel, as the world model and the exporter see it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...autoencoder import Autoencoder, AutoencoderConfig
from . import SHELF
from .render import PICTURE

CONFIG = AutoencoderConfig(size=PICTURE, channels=8, levels=9)
"""Latents are never rounded: the decoder is trained with noise of half a level instead.

In a view that moves, every cell changes with every tick, so a grid has nothing to hold still and only costs
precision. After 50 processor seconds each, held-out walks came back at 28.0 dB from 8 channels like these, at 25.6
from 12 channels rounded to 5 levels and at 22.5 from 16; world models of equal size and 60 processor seconds on
the first two stood 0.5 to 2 dB apart over 64 frames in the same order (one seed each)."""


class Codec(nn.Module):
    """Pictures to latents of mean 0 and deviation 1, and back."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.zeros(1, model.config.channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, model.config.channels, 1, 1))
        self.mean: Tensor
        self.deviation: Tensor

    @torch.no_grad()
    def measure(self, picture: Tensor) -> None:
        """Take mean and deviation from the latents of pictures [n, 3, size, size]."""
        latent = self.model.encoder.continuous(picture)
        self.mean.copy_(latent.mean((0, 2, 3), keepdim=True))
        self.deviation.copy_(latent.std((0, 2, 3), keepdim=True))

    def encode(self, image: Tensor) -> Tensor:
        """Pictures [n, 3, size, size] in [0, 1] to latents [n, C, H, W]."""
        return (self.model.encoder.continuous(image) - self.mean) / self.deviation

    def decode(self, latent: Tensor) -> Tensor:
        """Latents to pictures, about [0, 1]."""
        return self.model.decoder((latent * self.deviation + self.mean).clamp(-1, 1))


def load_codec() -> Codec:
    """The trained codec, frozen."""
    codec = Codec(Autoencoder(CONFIG))
    codec.load_state_dict(torch.load(SHELF.find("autoencoder.pt", "run `training/run rooms autoencoder` first"))["codec"])
    return codec.eval().requires_grad_(False)
