"""Roll the model on its own pictures, and compare it with the game that gets the same keys and dice."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import Autoencoder
from ...level_model import LevelWorldModel, best_levels, last_frames
from ...precision import mixed_precision
from . import rules
from .data import encode, latents
from .play import Player, rolls_of
from .render import render

TRACKS = 16
TRACK_FRAMES = 64
TRACK_SEED = 99


@torch.no_grad()
def next_frame(model: LevelWorldModel, clip: Tensor, control: Tensor, noise: Tensor) -> Tensor:
    """One step of one denoising evaluation, by the whole clip and without a cache.

    Shapes: clip [batch, frames, channels, grid, grid], control [batch, frames, controls], noise
    [batch, channels, grid, grid]; returns the next latent, shaped as noise.
    """
    with mixed_precision():
        features = model.features(clip, control)[:, -1]
        scores = model.denoiser(noise, torch.ones(len(noise)), features, last_frames(clip)[:, -1])
    return best_levels(scores.float(), model.levels)


@torch.no_grad()
def track(model: LevelWorldModel, autoencoder: Autoencoder, strip: Path) -> str:
    """How long generated games follow the true ones, as a line for the log; writes a strip of both."""
    generator = torch.Generator().manual_seed(TRACK_SEED)
    window = model.config.transformer.window_frames + 1
    state = rules.initial(TRACKS, generator)
    player = Player(TRACKS, generator)
    truth = latents(encode(autoencoder, render(state)), model.levels)
    clip, keys = truth[:, None], torch.zeros(TRACKS, 0, model.config.controls)
    rows: list[Tensor] = []
    same = torch.zeros(TRACK_FRAMES)
    wrong = torch.zeros(TRACK_FRAMES)
    for frame in range(TRACK_FRAMES):
        control = player(state)
        noise = torch.randn(truth.shape, generator=generator)
        keys = torch.cat([keys, control.stack()[:, None]], 1)[:, -window:]
        made = next_frame(model, clip, keys[:, -clip.shape[1] :], noise)
        state = rules.step(state, control, rolls_of(noise))
        picture = render(state)
        truth = latents(encode(autoencoder, picture), model.levels)
        cells = (made != truth).any(1).float().mean((1, 2))
        same[frame], wrong[frame] = (cells < 0.01).float().mean(), cells.mean()
        clip = torch.cat([clip, made[:, None]], 1)[:, -window:]
        if frame % 9 == 0:
            rows.append(torch.cat([picture[0], autoencoder.decoder(made[:1])[0].clamp(0, 1)], 1))
    Image.fromarray((torch.cat(rows, 2) * 255).byte().permute(1, 2, 0).numpy()).save(strip)
    at = [0, 3, 7, 15, 31, 63]
    return "true games followed at frame " + " ".join(f"{f + 1}: {same[f]:.2f} ({100 * wrong[f]:.1f}% cells)" for f in at)
