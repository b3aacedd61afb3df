"""Play the shipped package beside the game under the same keys and the same dice, and draw both.

Run: `training/run arcade evaluate --frames 128`

The model's first noise of a block carries the dice of its step, so the game itself can be asked what should
have come. Games part once the model is wrong about anything that matters; what the rules make of its pictures
from then on is the business of the `quality` bench.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...noise import normals
from ...player import Player as PackagePlayer
from . import rules
from .export import PACKAGE
from .play import Player, rolls_of
from .probe import light_clock, read
from .render import render

STRIP = Path(__file__).resolve().parents[4] / "docs" / "pictures" / "arcade-strip.png"
HORIZONS = (1, 4, 8, 16, 32, 64, 128)
STRIP_EVERY = 16
SCALE = 2
Pictures = list[np.ndarray]


def pictured(state: rules.State) -> np.ndarray:
    """A state as a picture, uint8 [128, 128, 3]."""
    picture = render(state)
    assert isinstance(picture, Tensor)
    return (picture[0] * 255).round().byte().permute(1, 2, 0).numpy()


def play(package: PackagePlayer, frames: int, seed: int, start: str) -> tuple[Pictures, Pictures, Pictures]:
    """Generated pictures, true ones, and true ones through the autoencoder."""
    first = np.asarray(Image.open(PACKAGE / "starts" / f"{start}.png"))
    state = read(torch.from_numpy(first.copy())[None].permute(0, 3, 1, 2).float() / 255).state
    generator = torch.Generator().manual_seed(seed)
    player = Player(1, generator)
    package.start(package.encode(first), seed, 1)
    shape = (1, *package.clean.shape[1:])
    generated, true, coded = [], [], []
    for block in range(frames):
        keys = player(state)
        dice = rolls_of(torch.from_numpy(normals(shape, seed=seed, block=block, step=0)))
        generated.append(package.decode(package.next_block(keys.stack()[0].numpy()))[0])
        state = rules.step(state, keys, dice)
        true.append(pictured(state))
        coded.append(package.decode(package.encode(true[-1])[None])[0])
    return generated, true, coded


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal to noise of two pictures, dB, at most 60."""
    error = float(np.square(a.astype(np.float32) - b.astype(np.float32)).mean())
    return min(60.0, 10 * np.log10(255**2 / max(error, 1e-9)))


def strip(generated: Pictures, true: Pictures) -> Image.Image:
    """Real above generated, a frame every STRIP_EVERY."""
    chosen = range(STRIP_EVERY - 1, len(true), STRIP_EVERY)
    rows = [np.concatenate([row[i] for i in chosen], 1) for row in (true, generated)]
    picture = Image.fromarray(np.concatenate(rows, 0))
    return picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.NEAREST)


def main() -> None:
    """Print how near generated games stay to the true ones, and write the strip for the docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--games", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    flags = parser.parse_args()
    torch.set_num_threads(1)
    package = PackagePlayer(PACKAGE)
    starts = ("dawn", "day", "dusk", "night")
    rows: dict[str, list[list[float]]] = {"generated": [], "copy_first": [], "autoencoder": []}
    same_light: list[float] = []
    for game in range(flags.games):
        generated, true, coded = play(package, flags.frames, game + 1, starts[game % len(starts)])
        if game == 1:
            strip(generated, true).save(STRIP, optimize=True)
        rows["generated"].append([psnr(a, b) for a, b in zip(generated, true, strict=True)])
        rows["copy_first"].append([psnr(true[0], b) for b in true])
        rows["autoencoder"].append([psnr(a, b) for a, b in zip(coded, true, strict=True)])
        last = torch.from_numpy(np.stack([generated[-1], true[-1]])).permute(0, 3, 1, 2).float() / 255
        clock = light_clock(read(last).state)
        same_light.append(float(clock[0] == clock[1]))
    at = [h for h in HORIZONS if h <= flags.frames]
    report = {
        "games": flags.games,
        "psnr_db": {
            name: {str(h): round(float(np.mean([row[h - 1] for row in games])), 2) for h in at} for name, games in rows.items()
        },
        "same_light_at_end": float(np.mean(same_light)),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
