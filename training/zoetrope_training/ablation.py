"""Which topology learns a world fastest? Equal CPU seconds, one schedule, several seeds, held-out episodes.

Run: `training/run ablation --seconds 90 --seeds 2`

Every arm predicts the next latent of the arcade from the same clips by flow matching (x0 prediction, squared
error), with the same optimiser, batch and learning-rate schedule over its own CPU time, not wall time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .denoiser import DenoiserConfig
from .precision import mixed_precision
from .transformer import TransformerConfig
from .world_model import (
    EntangledWorldModel,
    SeparableWorldModel,
    WorldModel,
    WorldModelConfig,
    build_world_model,
    previous_latents,
)
from .worlds.arcade.data import Clips, latents, play_clips
from .worlds.arcade import SHELF
from .worlds.arcade.train_world import load_autoencoder

LEVELS = 5
BATCH = 8
FRAMES = 9
PEAK_RATE = 1e-3
GAMES, HELD_OUT, LENGTH = 64, 16, 160
CONTEXT_SIGMA = 0.1
"""Noise level of context frames, in training and when scored."""
TRANSFORMER = TransformerConfig(layers=3, heads=2, sink_frames=0, window_frames=FRAMES - 1)
BASE = WorldModelConfig(
    latent_channels=12, controls=3, features=48, transformer=TRANSFORMER, denoiser=DenoiserConfig(channels=80, depth=4),
)
WIDE = replace(TRANSFORMER, layers=6, heads=3)
ARMS = {
    "separable, convolutions, copy path": BASE,
    "separable, convolutions": replace(BASE, previous_frames=0),
    "separable, transformer, copy path": replace(
        BASE, denoiser=DenoiserConfig(kind="transformer", channels=96, depth=2, patch=2)
    ),
    "entangled, copy path": replace(BASE, topology="entangled", transformer=WIDE),
    "entangled": replace(BASE, topology="entangled", transformer=WIDE, previous_frames=0),
}


@dataclass(frozen=True)
class Score:
    """How well an arm predicts held-out next frames in one step from pure noise."""

    changed_error: float
    """Mean squared error over cells that change."""
    error: float
    exact: float
    """Share of changing cells whose every channel rounds to the right level."""
    steps: int


def mix(clean: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Noise each frame to its own level. Shapes: clean [B, T, C, H, W], sigma [B, T]."""
    noise = torch.randn(clean.shape, generator=generator)
    level = sigma[..., None, None, None]
    return (1 - level) * clean + level * noise


def predict(model: WorldModel, clip: Tensor, control: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Predict every frame but the first, each from its own noise level, given the true past.

    Shapes: clip [B, T, C, H, W], control [B, T - 1, N], sigma [B, T - 1]; returns [B, T - 1, C, H, W].
    """
    context = mix(clip[:, :-1], torch.full(clip[:, :-1].shape[:2], CONTEXT_SIGMA), generator)
    sample = mix(clip[:, 1:], sigma, generator)
    count = model.config.previous_frames
    if isinstance(model, SeparableWorldModel):
        features = model.features(context, control, torch.full(sigma.shape, CONTEXT_SIGMA))
        padded = torch.cat((context, context[:, -1:]), 1)
        previous = previous_latents(padded, count)[:, 1:].flatten(0, 1)
        out = model(sample.flatten(0, 1), sigma.flatten(), features.flatten(0, 1), previous, None)
        return out.view_as(sample)
    return entangled_predictions(model, context, sample, control, sigma)


def entangled_predictions(
    model: EntangledWorldModel, context: Tensor, sample: Tensor, control: Tensor, sigma: Tensor,
) -> Tensor:
    """Diffusion forcing: one pass trains every frame, where half of the frames stand at the context's level."""
    count = model.config.previous_frames
    first = context[:, :1]
    clip = torch.cat((first, sample), 1)
    levels = torch.cat((torch.full((len(sigma), 1), CONTEXT_SIGMA), sigma), 1)
    steered = torch.cat((torch.zeros_like(control[:, :1]), control), 1)
    previous = None
    if count:
        previous = previous_latents(torch.cat((context, context[:, -1:]), 1), count)
    return model(clip, levels, steered, previous)[:, 1:]


def levels_for(model: WorldModel, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Noise levels to train at: always a target for a separable model, half context for an entangled one."""
    target = torch.sigmoid(torch.randn(shape, generator=generator) + 0.4)
    target = torch.where(torch.rand(shape, generator=generator) < 0.4, 1.0, target)
    if isinstance(model, SeparableWorldModel):
        return target
    keep = torch.rand(shape, generator=generator) < 0.5
    return torch.where(keep, CONTEXT_SIGMA, target)


def batches(clips: Clips, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless random windows: latents [B, FRAMES, ...] and controls [B, FRAMES - 1, N]."""
    games, length = clips.codes.shape[:2]
    while True:
        game = torch.randint(games, (BATCH,), generator=generator)
        at = torch.randint(length - FRAMES, (BATCH, 1), generator=generator) + torch.arange(FRAMES)
        yield latents(clips.codes[game[:, None], at], LEVELS), clips.control[game[:, None], at[:, :-1]]


def train(config: WorldModelConfig, clips: Clips, seconds: float, seed: int) -> tuple[WorldModel, int]:
    """Train one arm for so many CPU seconds; returns it and its steps."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = build_world_model(config)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    feed = batches(clips, generator)
    start, steps = time.process_time(), 0
    while (progress := (time.process_time() - start) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, progress / 0.03 + 0.01) * 0.5 * (1 + math.cos(math.pi * progress))
        clip, control = next(feed)
        sigma = levels_for(model, clip.shape[:1] + (FRAMES - 1,), generator)
        with mixed_precision():
            out = predict(model, clip, control, sigma, generator)
        target = clip[:, 1:]
        changed = (target != clip[:, :-1]).any(2, keepdim=True)
        loss = ((out.float() - target).square() * (1 + 8 * changed)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        steps += 1
    return model, steps


@torch.no_grad()
def score(model: WorldModel, clips: Clips, steps: int) -> Score:
    """Score the last frame of held-out clips, sampled in one step from pure noise."""
    generator = torch.Generator().manual_seed(5)
    feed = batches(clips, generator)
    error, changed_error, exact, count = 0.0, 0.0, 0.0, 0
    rounds = 12
    for _ in range(rounds):
        clip, control = next(feed)
        sigma = torch.full((BATCH, FRAMES - 1), CONTEXT_SIGMA)
        sigma[:, -1] = 1.0
        out = predict(model, clip, control, sigma, generator)[:, -1].clamp(-1, 1)
        target, before = clip[:, -1], clip[:, -2]
        changed = (target != before).any(1)
        rounded = ((out + 1) * ((LEVELS - 1) / 2)).round() * (2 / (LEVELS - 1)) - 1
        squared = (out - target).square()
        error += float(squared.mean()) / rounds
        changed_error += float(squared.movedim(1, -1)[changed].mean()) / rounds
        exact += float(((rounded - target).abs() < 1e-3).all(1)[changed].float().sum())
        count += int(changed.sum())
    return Score(changed_error, error, exact / count, steps)


def copying(clips: Clips) -> dict[str, float]:
    """The baseline: the next frame is the last one."""
    feed = batches(clips, torch.Generator().manual_seed(5))
    pairs = [next(feed)[0][:, -2:] for _ in range(12)]
    error = statistics.mean(float(F.mse_loss(p[:, 0], p[:, 1])) for p in pairs)
    changed = [(p[:, 0] - p[:, 1]).square().movedim(1, -1)[(p[:, 0] != p[:, 1]).any(1)] for p in pairs]
    return {"error": error, "changed_error": float(torch.cat(changed).mean()), "exact": 0.0}


def main() -> None:
    """Train and score every arm, and print a table and one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=90, help="CPU seconds of each arm and seed")
    parser.add_argument("--seeds", type=int, default=2)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    autoencoder = load_autoencoder()
    clips = play_clips(autoencoder, GAMES, LENGTH, torch.Generator().manual_seed(21))
    held_out = play_clips(autoencoder, HELD_OUT, LENGTH, torch.Generator().manual_seed(22))
    report: dict[str, object] = {"cpu_seconds": flags.seconds, "copy_last": copying(held_out)}
    for name, config in ARMS.items():
        rows = []
        for seed in range(1, flags.seeds + 1):
            model, steps = train(config, clips, flags.seconds, seed)
            rows.append(score(model, held_out, steps).__dict__)
            print(f"{name:38s} seed {seed}: {json.dumps(rows[-1])}", flush=True)
        parameters = sum(p.numel() for p in build_world_model(config).parameters())
        report[name] = {"parameters": parameters, "seeds": rows}
    (SHELF.runs / "ablation.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
