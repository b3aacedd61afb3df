"""Train the autoencoder of `maze` on every tile that there is.

Run: `training/run maze autoencoder --budget-seconds 240`
"""

from __future__ import annotations

import argparse
import time

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import reconstruction_loss
from ...budget import Budget, save_checkpoint
from ...precision import mixed_precision
from . import SHELF
from .dice import random_worlds
from .play import begin
from .render import render
from .tiles import TileAutoencoder, TileConfig, every_tile

BATCH = 768
ROUNDING_FROM = 0.25
"""Share of the budget after which latents are rounded instead of blurred."""
PEAK_RATE = 2e-3
CHECKPOINT_SECONDS = 60


def psnr(output: Tensor, picture: Tensor) -> float:
    """Peak signal to noise, dB, of pictures in [0, 1]."""
    return float(-10 * torch.log10((output.clamp(0, 1) - picture).square().mean()))


def load_autoencoder() -> TileAutoencoder:
    """The trained autoencoder, frozen.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("autoencoder.pt", "run `training/run maze autoencoder` first")
    model = TileAutoencoder(TileConfig())
    model.load_state_dict(torch.load(path)["model"])
    return model.eval().requires_grad_(False)


@torch.no_grad()
def survey(model: TileAutoencoder, tiles: Tensor) -> str:
    """How well all tiles come back, as a line for the log."""
    pictures = tiles.float() / 255
    error = (model(pictures).clamp(0, 1) - pictures).square().mean((1, 2, 3))
    codes = ((model.encoder(pictures).flatten(1) + 1) * 2).round()
    apart = len(codes.unique(dim=0))
    return f"all tiles: {-10 * float(error.mean().log10()):.2f} dB, worst {-10 * float(error.max().log10()):.2f} dB, {apart} codes of {len(tiles)}"


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget-seconds", type=float, help="processor seconds, those of all threads", default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    generator = torch.Generator().manual_seed(flags.seed)
    model = TileAutoencoder(TileConfig())
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    path, spent, step = SHELF.runs / "autoencoder.pt", 0.0, 0
    if (before := SHELF.newest(path.name)) is not None:
        kept = torch.load(before)
        model.load_state_dict(kept["model"])
        if "optimiser" in kept:
            optimiser.load_state_dict(kept["optimiser"])
            spent, step = kept["spent"], kept["step"]
            generator.manual_seed(flags.seed + step)
    tiles, share = every_tile()
    budget = Budget(flags.budget_seconds, spent, time.process_time)
    saved = budget.elapsed

    while budget.progress < 1:
        chosen = torch.multinomial(share, BATCH, replacement=True, generator=generator)
        picture = tiles[chosen].float() / 255
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        with mixed_precision():
            output = model(picture, rounds=budget.progress > ROUNDING_FROM)
        loss = reconstruction_loss(output.float(), picture, torch.ones(()).expand(1, 1, *picture.shape[-2:]))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0:
            quality = psnr(output.detach().float(), picture)
            print(f"{budget.elapsed:6.0f}s step {step} loss {loss.item():.4f} psnr {quality:.2f}", flush=True)
        if budget.elapsed - saved > CHECKPOINT_SECONDS or budget.progress >= 1:
            saved = budget.elapsed
            save_checkpoint(path, model=model.state_dict(), optimiser=optimiser.state_dict(), spent=saved, step=step)
            print(f"{budget.elapsed:6.0f}s step {step} {survey(model, tiles)}", flush=True)
            _strip(model, generator)


@torch.no_grad()
def _strip(model: TileAutoencoder, generator: torch.Generator) -> None:
    """Real above reconstructed, eight rooms, as a picture in the run's folder."""
    world = random_worlds(8, generator)
    picture = render(world, begin(world, generator))
    rows = torch.cat([torch.cat(list(p), -1) for p in (picture, model(picture).clamp(0, 1))], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(SHELF.runs / "autoencoder.png")


if __name__ == "__main__":
    main()
