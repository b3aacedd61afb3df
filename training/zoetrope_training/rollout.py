"""Play a world model forward in PyTorch, without a cache: every block runs the whole history again.

Slow and plain on purpose. It is what a cached rollout must reproduce, because the band mask describes exactly
what the rolling cache holds, and the noise is drawn by (seed, block, step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from zoetrope_training.noise import normals
from zoetrope_training.world_model import EntangledWorldModel, SeparableWorldModel, previous_latents


@dataclass(frozen=True)
class Sampling:
    """How a block is denoised."""

    seed: int
    sigmas: tuple[float, ...]
    """Noise level of each step, falling; the last step ends at 0."""
    prediction: Literal["x0", "velocity"]
    solver: Literal["euler", "renoise"]


def denoise(shape: tuple[int, ...], block: int, sampling: Sampling, predict: Callable[[Tensor, float, int], Tensor]) -> Tensor:
    """Run the steps of one block. `predict(sample, sigma, step)` is the network; returns x0 of `shape`."""

    def noise(step: int) -> Tensor:
        return torch.from_numpy(normals(shape, seed=sampling.seed, block=block, step=step))

    sample = noise(0)
    x0 = sample
    for step, sigma in enumerate(sampling.sigmas):
        prediction = predict(sample, sigma, step)
        x0 = prediction if sampling.prediction == "x0" else sample - sigma * prediction
        following = sampling.sigmas[step + 1] if step + 1 < len(sampling.sigmas) else 0.0
        if following == 0.0:
            break
        if sampling.solver == "renoise":
            sample = (1 - following) * x0 + following * noise(step + 1)
        else:
            sample = sample + (following - sigma) * (sample - x0) / sigma
    return x0


@torch.no_grad()
def separable_rollout(model: SeparableWorldModel, start: Tensor, control: Tensor, sampling: Sampling) -> Tensor:
    """Latents of every block, one frame each.

    Shapes: `start` [C, H, W]; `control` [blocks, N]; result [blocks, C, H, W].
    """
    history = start[None]  # [frames, C, H, W]
    for block in range(len(control)):
        features = model.features(history[None], control[None, : block + 1])[0, -1:]
        padded = torch.cat((history, history[-1:]))  # the frame to come stands last; its value is not read
        previous = previous_latents(padded[None], model.config.previous_frames)[0, -1:]

        def predict(
            sample: Tensor, sigma: float, step: int, features: Tensor = features, previous: Tensor = previous
        ) -> Tensor:
            return model(sample, torch.tensor([sigma]), features, previous)

        history = torch.cat((history, denoise((1, *start.shape), block, sampling, predict)))
    return history[1:]


COMMIT_LANE = 2
"""Noise lane of blocks that are committed without having been made."""


@torch.no_grad()
def per_step_rollout(model: EntangledWorldModel, start: Tensor, control: Tensor, sampling: Sampling) -> Tensor:
    """Latents of every block where each step sees earlier blocks as they were at the same step.

    The history begins with `start`, repeated, noised to each step's level. Shapes: as `entangled_rollout`.
    """
    size = model.config.transformer.frames_per_block
    first = start[None].expand(size, -1, -1, -1)

    def begin(step: int, sigma: float) -> Tensor:
        drawn = normals(tuple(first.shape), seed=sampling.seed, block=0, step=step, lane=COMMIT_LANE)
        return (1 - sigma) * first + sigma * torch.from_numpy(drawn)

    pasts = [begin(step, sigma) for step, sigma in enumerate(sampling.sigmas)]  # [frames, C, H, W] each
    steered = torch.zeros(size, control.shape[1])  # [frames, N]
    blocks: list[Tensor] = []
    for block, vector in enumerate(control):
        steered = torch.cat((steered, vector.expand(size, -1)))

        def predict(sample: Tensor, sigma: float, step: int, steered: Tensor = steered) -> Tensor:
            pasts[step] = torch.cat((pasts[step], sample))
            clip = pasts[step][None]
            return model(clip, torch.full((1, clip.shape[1]), sigma), steered[None])[0, -size:]

        blocks.append(denoise((size, *start.shape), block, sampling, predict))
    return torch.stack(blocks)


@torch.no_grad()
def entangled_rollout(
    model: EntangledWorldModel,
    start: Tensor,
    control: Tensor,
    sampling: Sampling,
    *,
    commit: Literal["separate", "fused"],
    commit_sigma: float,
) -> Tensor:
    """Latents of every block. The history begins with one block that repeats `start` under zero controls.

    Shapes: `start` [C, H, W]; `control` [blocks, N]; result [blocks, F, C, H, W].
    """
    size = model.config.transformer.frames_per_block
    history = start[None].expand(size, -1, -1, -1)  # [frames, C, H, W]
    steered = torch.zeros(size, control.shape[1])  # [frames, N]
    blocks: list[Tensor] = []
    for block, vector in enumerate(control):
        steered = torch.cat((steered, vector.expand(size, -1)))

        def predict(
            sample: Tensor, sigma: float, step: int, past: Tensor = history, steered: Tensor = steered
        ) -> Tensor:
            clip = torch.cat((past, sample))[None]
            levels = torch.full((1, clip.shape[1]), commit_sigma)
            levels[:, -size:] = sigma
            count = model.config.previous_frames
            previous = previous_latents(clip, count, size) if count else None
            fused = commit == "fused" and step == 0
            return model(clip, levels, steered[None], previous, fused_tail=fused)[0, -size:]

        blocks.append(denoise((size, *start.shape), block, sampling, predict))
        history = torch.cat((history, blocks[-1]))
    return torch.stack(blocks)
