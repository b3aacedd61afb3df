"""Train the autoencoder of `rooms` on what walkers see.

Run: `training/run rooms autoencoder --budget-seconds 240`
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import Autoencoder, reconstruction_loss
from ...budget import Budget, save_checkpoint
from ...precision import mixed_precision
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
CHECKPOINT_SECONDS = 40
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget-seconds", type=float, default=240, help="processor seconds, over all runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    codec = Codec(Autoencoder(CONFIG).to(memory_format=torch.channels_last))
    optimiser = torch.optim.AdamW(codec.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    path, spent, step = SHELF.runs / "autoencoder.pt", 0.0, 0
    if (before := SHELF.newest(path.name)) is not None:
        kept = torch.load(before)
        codec.load_state_dict(kept["codec"])
        if "optimiser" in kept:
            optimiser.load_state_dict(kept["optimiser"])
            spent, step = kept["spent"], kept["step"]
    world = make_world([make_level(seed) for seed in TRAINING_LEVELS])
    views = Views(world, WALKS, torch.Generator().manual_seed(flags.seed + step))
    held_out = Views(world, 16, torch.Generator().manual_seed(HELD_OUT_SEED))(128)
    budget = Budget(flags.budget_seconds, spent, time.process_time)
    saved = budget.elapsed

    while budget.progress < 1:
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        loss = train_step(codec, optimiser, views(PICTURES))
        step += 1
        if step % 50 == 0:
            print(f"{budget.elapsed:6.0f}s step {step} loss {loss:.4f}", flush=True)
        if budget.elapsed - saved > CHECKPOINT_SECONDS or budget.progress >= 1:
            saved = budget.elapsed
            codec.measure(views(MEASURED))
            save_checkpoint(path, codec=codec.state_dict(), optimiser=optimiser.state_dict(), spent=saved, step=step)
            quality = strip(codec, held_out, SHELF.runs / "autoencoder.png")
            print(f"{saved:6.0f}s step {step} held-out walks {quality:.2f} dB", flush=True)


def train_step(codec: Codec, optimiser: torch.optim.Optimizer, picture: Tensor) -> float:
    """One step on pictures [n, 3, size, size]; returns the loss."""
    with mixed_precision():
        output = codec.model(picture.contiguous(memory_format=torch.channels_last), rounds=False)
    loss = reconstruction_loss(output.float(), picture, torch.ones_like(picture[:, :1]))
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
    optimiser.step()
    return loss.item()


@torch.no_grad()
def strip(codec: Codec, picture: Tensor, path: Path) -> float:
    """Write ten pictures above their reconstructions; returns the quality of all, dB."""
    made = codec.decode(codec.encode(picture)).clamp(0, 1)
    rows = torch.cat([torch.cat(list(part[:10]), -1) for part in (picture, made)], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(path)
    return psnr(made, picture)


if __name__ == "__main__":
    main()
