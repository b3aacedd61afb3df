"""Train the autoencoder of `maze` on every tile that there is: to read its code, and to draw it.

Run: `training/run maze autoencoder --budget-seconds 120`
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from ...precision import mixed_precision
from ...training import Training, seeded, training_flags
from . import SHELF
from .data import draw_codes, encode, latents
from .dice import random_worlds
from .play import begin
from .render import render
from .tiles import TileAutoencoder, TileConfig, every_tile

SIDE, PICTURES = 8, 8
"""Tiles in each direction of a picture that training patches together, and how many pictures a step has."""
READING_WEIGHT = 0.3
"""What an error in reading codes counts beside one in drawing."""
PEAK_RATE = 2e-3


def patched(tiles: Tensor) -> Tensor:
    """Tiles [n * SIDE * SIDE, channels, h, w] side by side: [n, channels, SIDE * h, SIDE * w]."""
    return tiles.unflatten(0, (-1, SIDE, SIDE)).permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


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
def survey(model: TileAutoencoder, tiles: Tensor, codes: Tensor) -> str:
    """How well all tiles are read and drawn, as a line for the log."""
    pictures = tiles.float() / 255
    drawn = model.decoder(latents(codes, model.config.levels)[..., None, None]).clamp(0, 1)
    error = (drawn - pictures).square().mean((1, 2, 3))
    right = (encode(model, pictures).flatten(1) == codes).all(1)
    decibels = [-10 * float(value.log10()) for value in (error.mean(), error.max())]
    return f"{int(right.sum())} of {len(tiles)} tiles read right; drawn at {decibels[0]:.2f} dB, the worst at {decibels[1]:.2f}"


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=120).parse_args()
    generator = seeded(flags)
    model = TileAutoencoder(TileConfig())
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    training = Training(SHELF, "autoencoder.pt", {"model": model}, optimiser, flags, generator)
    tiles, codes, share = every_tile()

    while training.goes_on():
        chosen = torch.multinomial(share, PICTURES * SIDE**2, replacement=True, generator=generator)
        picture = patched(tiles[chosen]).float() / 255
        code = patched(latents(codes[chosen], model.config.levels)[..., None, None])
        with mixed_precision():
            read, drawn = model.encoder.continuous(picture).float(), model.decoder(code).float()
        error = drawn - picture
        loss = error.abs().mean() + 2 * error.square().mean() + READING_WEIGHT * (read - code).square().mean()
        training.descend(loss)
        if training.is_at(100):
            off = float(((read - code).abs() > 0.25).float().mean())
            training.say(f"loss {loss.item():.4f} codes misread {off:.5f}")
        if training.keep_if_due():
            training.say(survey(model, tiles, codes))
            _strip(model, generator)


@torch.no_grad()
def _strip(model: TileAutoencoder, generator: torch.Generator) -> None:
    """Real above drawn from codes, eight rooms, as a picture in the run's folder."""
    world = random_worlds(8, generator)
    state = begin(world, generator)
    drawn = model.decoder(latents(draw_codes(world, state), model.config.levels)).clamp(0, 1)
    rows = torch.cat([torch.cat(list(p), -1) for p in (render(world, state), drawn)], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(SHELF.runs / "autoencoder.png")


if __name__ == "__main__":
    main()
