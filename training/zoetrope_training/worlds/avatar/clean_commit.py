"""The avatar's network with the usual memory, to compare: frames remember what was finally made of earlier ones.

A frame's tokens attend to those of clean earlier frames, one cache for all steps. In training the clean frames are true
ones (teacher forcing); in a session they are the model's own.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ...transformer import ClipPositions, TransformerConfig, rotary_table
from .model import SIGMAS, AvatarModel, following
from .motion import DICE, OCCASIONS


@cache
def two_streams(config: TransformerConfig, frames: int, tokens: int) -> ClipPositions:
    """Mask and rotary tables of `frames` clean frames followed by the same frames noisy.

    A clean frame sees the clean ones of its window and itself; a noisy frame sees the clean ones of its window, and itself.
    """
    index = torch.arange(frames)
    age = index[:, None] - index[None]
    past = (age > 0) & (age <= config.window_frames)
    itself = age == 0
    clean = torch.cat([past | itself, torch.zeros_like(past)], 1)
    noisy = torch.cat([past, itself], 1)
    visible = torch.cat([clean, noisy]).repeat_interleave(tokens, 0).repeat_interleave(tokens, 1)
    cos, sin = rotary_table(index.repeat(2).repeat_interleave(tokens), config)
    return ClipPositions(visible, cos, sin, None, None, torch.zeros(2 * frames * tokens, 1, dtype=torch.bool))


class CleanCommitModel(AvatarModel):
    """As `AvatarModel`, of the same weights, with another memory."""

    def remembered(self, history: Tensor, reference: Tensor, speech: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [n, L, width] and conditioning [n, width] of clean frames; shapes as `begin`, `history` as its sample."""
        nothing = torch.zeros(len(history), len(DICE) + OCCASIONS)
        return self.told(history, torch.zeros(len(history)), reference, torch.cat([speech, control, nothing], 1))

    def denoise(
        self, history: Tensor, sample: Tensor, sigma: float, reference: Tensor, speech: Tensor, control: Tensor,
        painted: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `AvatarModel.forward`, given clean latents [B, T, C, H, W], of which a frame sees those before it."""
        batch, frames = sample.shape[:2]
        known = reference if reference.dim() == 5 else reference[:, None].expand_as(sample)
        flat = [part.flatten(0, 1) for part in (history, sample, known, speech, control)]
        clean = self.remembered(flat[0], flat[2], flat[3], flat[4])
        noisy = self.begin(flat[1], torch.full((batch * frames,), sigma), flat[2], flat[3], flat[4])
        tokens, conditioning = (
            torch.cat([part.unflatten(0, (batch, frames)) for part in pair], 1) for pair in zip(clean, noisy, strict=True)
        )
        positions = two_streams(self.config.transformer, frames, tokens.shape[2])
        tokens = self.transformer.forward_clip(tokens, conditioning, positions=positions)[:, frames:]
        held = self.held(tokens.mean(2))
        return self.paint((sample, known, tokens, held, conditioning[:, frames:]), painted), held


class Remembering:
    """A `CleanCommitModel` with true clips to remember, called like an `AvatarModel`."""

    def __init__(self, model: CleanCommitModel, history: Tensor) -> None:
        self.speech, self._model, self._history = model.speech, model, history

    def __call__(
        self, sample: Tensor, sigma: float, reference: Tensor, speech: Tensor, control: Tensor, painted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Denoise frames that remember true ones."""
        return self._model.denoise(self._history, sample, sigma, reference, speech, control, painted)


@torch.no_grad()
def roll_out(model: CleanCommitModel, noise: Tensor, reference: Tensor, speech: Tensor, control: Tensor) -> Tensor:
    """What sessions make that remember what they made: [B, T, C, H, W]; arguments as `denoise_clip`."""
    history = reference[:, None].repeat(1, noise.shape[1], 1, 1, 1)
    for frame in range(1, noise.shape[1]):
        until = slice(0, frame + 1)
        sample, newest = noise[:, until], torch.full((len(noise), 1), frame)
        for step, sigma in enumerate(SIGMAS):
            made, _ = model.denoise(history[:, until], sample, sigma, reference, speech[:, until], control[:, until], newest)
            if step + 1 < len(SIGMAS):
                sample = torch.cat([sample[:, :-1], following(sample[:, -1:], made, step)], 1)
        history[:, frame] = made[:, 0]
    return history
