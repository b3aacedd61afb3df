"""The autoencoder with latents normalised per channel, as the world model and the exporter see it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ...autoencoder import Autoencoder, AutoencoderConfig
from .render import PICTURE

RUNS = Path(__file__).resolve().parents[3] / "runs" / "rooms"
"""Checkpoints, logs and strips; not kept in the repository."""
CONFIG = AutoencoderConfig(size=PICTURE, channels=8, levels=9)
"""Latents are never rounded: in a moving view every cell changes with every tick, so there is nothing to hold
still, and finer values than nine levels carry the motion. The decoder is trained with noise of half a level."""


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


def load_codec(path: Path = RUNS / "autoencoder.pt") -> Codec:
    """The trained codec, frozen."""
    codec = Codec(Autoencoder(CONFIG))
    codec.load_state_dict(torch.load(path)["codec"])
    return codec.eval().requires_grad_(False)
