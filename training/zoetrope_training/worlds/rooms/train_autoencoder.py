"""Train the autoencoder of `rooms` on what walkers see.

Run: `training/run rooms autoencoder --budget-seconds 240`
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import Autoencoder, reconstruction_loss
from ...precision import mixed_precision
from ...training import Training, seeded, training_flags
from . import SHELF
from .codec import CONFIG, Codec
from .level import TRAINING_LEVELS, make_level
from .play import World, make_world, roll
from .render import render

PICTURES = 16
"""Pictures a step."""
WALKS, TICKS = 512, 300
"""Where pictures are taken from; only poses are kept, each picture is drawn when it is needed."""
MEASURED = 512
"""Pictures that mean and deviation of the latents are taken from."""
PEAK_RATE = 2e-3
HELD_OUT_SEED = 10_001


class Views:
    """Random pictures out of long walks."""

    def __init__(self, world: World, walks: int, generator: torch.Generator) -> None:
        made = roll(world, walks, TICKS, generator)
        self._world, self._generator = world, generator
        self._pose, self._which = made.pose.flatten(0, 1), made.which.repeat_interleave(TICKS)

    def __call__(self, count: int) -> Tensor:
        """Pictures [count, 3, PICTURE, PICTURE]."""
        pick = torch.randint(len(self._pose), (count,), generator=self._generator)
        return render(self._world.maps, self._which[pick], self._pose[pick])


def psnr(output: Tensor, picture: Tensor) -> float:
    """Peak signal to noise, dB, of pictures in [0, 1]."""
    return float(-10 * torch.log10((output.clamp(0, 1) - picture).square().mean()))


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=240, threads=1).parse_args()
    generator = seeded(flags)
    codec = Codec(Autoencoder(CONFIG).to(memory_format=torch.channels_last))
    optimiser = torch.optim.AdamW(codec.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    training = Training(SHELF, "autoencoder.pt", {"codec": codec}, optimiser, flags, generator)
    world = make_world([make_level(seed) for seed in TRAINING_LEVELS])
    views = Views(world, WALKS, generator)
    held_out = Views(world, 16, torch.Generator().manual_seed(HELD_OUT_SEED))(128)

    while training.goes_on():
        loss = loss_of(codec, views(PICTURES))
        training.descend(loss)
        if training.is_at(50):
            training.say(f"loss {loss.item():.4f}")
        if training.is_due():
            codec.measure(views(MEASURED))
            training.keep()
            training.say(f"held-out walks {strip(codec, held_out, SHELF.runs / 'autoencoder.png'):.2f} dB")


def loss_of(codec: Codec, picture: Tensor) -> Tensor:
    """How far pictures [n, 3, size, size] are from their reconstructions."""
    with mixed_precision():
        output = codec.model(picture.contiguous(memory_format=torch.channels_last), rounds=False)
    return reconstruction_loss(output.float(), picture, torch.ones_like(picture[:, :1]))


@torch.no_grad()
def strip(codec: Codec, picture: Tensor, path: Path) -> float:
    """Write ten pictures above their reconstructions; returns the quality of all, dB."""
    made = codec.decode(codec.encode(picture)).clamp(0, 1)
    rows = torch.cat([torch.cat(list(part[:10]), -1) for part in (picture, made)], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(path)
    return psnr(made, picture)


if __name__ == "__main__":
    main()
