"""Train the autoencoder of `maze` on rooms drawn at random.

Run: `training/run maze autoencoder --budget-seconds 600`

Codes are local: a tile has the same code wherever it is and whatever is beside it, so a room that is remembered
comes back code by code.
"""

from __future__ import annotations

import argparse
import time

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ...autoencoder import Autoencoder, AutoencoderConfig, reconstruction_loss
from ...budget import Budget, save_checkpoint
from ...precision import mixed_precision
from . import SHELF, rules
from .dice import random_worlds
from .play import begin
from .render import render_rooms
from .rules import State

CONFIG = AutoencoderConfig(size=rules.SIZE, channels=12, levels=5, widths=(32, 64, 128), fold=4, local=True)
CROPS, PICTURES = 40, 20
"""Crops a step draws, or whole pictures towards the end."""
CROP = 5
"""Tiles in each direction of a crop; the player is in it."""
WHOLE_SHARE = 0.25
"""Share of the budget, at its end, that trains on whole pictures."""
CROWDED = 0.15
"""Share of the floor's tiles that get a thing besides those of the dice."""
ROUNDING_FROM = 0.3
"""Share of the budget after which latents are rounded instead of blurred."""
COVERED_WEIGHT = 6.0
"""What a pixel of a thing or the player counts more."""
PEAK_RATE = 2e-3
CHECKPOINT_SECONDS = 120


def scattered(batch: int, generator: torch.Generator) -> tuple[Tensor, State]:
    """Rooms [batch, ROW] with more things than play has, and players anywhere in them."""
    world = random_worlds((batch + rules.ROOMS - 1) // rules.ROOMS, generator).flatten(0, 1)[:batch]
    things = torch.randint(0, rules.KINDS * rules.COLOURS, (batch, rules.INNER**2), generator=generator)
    more = torch.rand(things.shape, generator=generator) < CROWDED
    more &= rules.open_tiles().flatten()
    row = torch.cat([world[:, : rules.THINGS], torch.where(more, things, world[:, rules.THINGS :])], 1)
    return row, begin(row[:, None].expand(-1, rules.ROOMS, -1), generator)


def drawn(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor, State]:
    """Pictures [batch, 3, SIZE, SIZE], which pixels show a thing or the player, bool [batch, SIZE, SIZE], and players."""
    row, state = scattered(batch, generator)
    picture = render_rooms(row, state)
    bare = row.clone()
    bare[:, rules.THINGS :] = rules.NOTHING
    return picture, (picture != render_rooms(bare, state, player=False)).any(1), state


def cropped(picture: Tensor, covered: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a crop with the player out of each picture.

    Returns:
        pictures [n, 3, TILE * CROP, TILE * CROP], masks [n, TILE * CROP, TILE * CROP], tiles [n, 2] (row, column).
    """
    tile = torch.stack([state.y, state.x], 1).div(rules.TILE, rounding_mode="floor")
    at = (tile - torch.randint(0, CROP, tile.shape, generator=generator)).clamp(0, rules.SIDE - CROP)
    span = torch.arange(rules.TILE * CROP)
    rows, columns = (rules.TILE * at[:, axis, None] + span for axis in (0, 1))
    which = torch.arange(len(picture))[:, None, None]
    cut = picture[which, :, rows[:, :, None], columns[:, None]].movedim(-1, 1)
    return cut, covered[which, rows[:, :, None], columns[:, None]], at


def psnr(output: Tensor, picture: Tensor) -> float:
    """Peak signal to noise, dB, of pictures in [0, 1]."""
    return float(-10 * torch.log10((output.clamp(0, 1) - picture).square().mean()))


def load_autoencoder() -> Autoencoder:
    """The trained autoencoder, frozen.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("autoencoder.pt", "run `training/run maze autoencoder` first")
    model = Autoencoder(CONFIG)
    model.load_state_dict(torch.load(path)["model"])
    return model.eval().requires_grad_(False)


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget-seconds", type=float, help="processor seconds, those of all threads", default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    generator = torch.Generator().manual_seed(flags.seed)
    model = Autoencoder(CONFIG).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    path, spent, step = SHELF.runs / "autoencoder.pt", 0.0, 0
    if (before := SHELF.newest(path.name)) is not None:
        kept = torch.load(before)
        model.load_state_dict(kept["model"])
        if "optimiser" in kept:
            optimiser.load_state_dict(kept["optimiser"])
            spent, step = kept["spent"], kept["step"]
            generator.manual_seed(flags.seed + step)
    budget = Budget(flags.budget_seconds, spent, time.process_time)
    saved = budget.elapsed

    while budget.progress < 1:
        whole, at = budget.progress > 1 - WHOLE_SHARE, None
        picture, covered, state = drawn(PICTURES if whole else CROPS, generator)
        if not whole:
            picture, covered, at = cropped(picture, covered, state, generator)
        weight = 1 + COVERED_WEIGHT * F.max_pool2d(covered[:, None].float(), 3, stride=1, padding=1)
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        with mixed_precision():
            layout = picture.contiguous(memory_format=torch.channels_last)
            output = model(layout, at, rounds=budget.progress > ROUNDING_FROM)
        loss = reconstruction_loss(output.float(), picture, weight)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 50 == 0:
            quality = psnr(output.detach().float(), picture)
            print(f"{budget.elapsed:6.0f}s step {step} loss {loss.item():.4f} psnr {quality:.2f}", flush=True)
        if budget.elapsed - saved > CHECKPOINT_SECONDS or budget.progress >= 1:
            saved = budget.elapsed
            save_checkpoint(path, model=model.state_dict(), optimiser=optimiser.state_dict(), spent=saved, step=step)
            _strip(model, generator)


@torch.no_grad()
def _strip(model: Autoencoder, generator: torch.Generator) -> None:
    """Real above reconstructed, eight rooms, as a picture in the run's folder."""
    picture, _, _ = drawn(8, generator)
    rows = torch.cat([torch.cat(list(p), -1) for p in (picture, model(picture).clamp(0, 1))], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(SHELF.runs / "autoencoder.png")


if __name__ == "__main__":
    main()
