"""The numbers `evaluate` reports, as plain functions of pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
COARSE = 16
"""Pixels per side at which pictures are compared with a bank of true ones."""


def psnr_by_frame(made: Tensor, truth: Tensor) -> Tensor:
    """Peak signal to noise of every frame number, from the squared error over all clips, dB.

    Shapes: [clips, frames, 3, h, w] in [0, 1] twice; returns [frames].
    """
    return -10 * (made.clamp(0, 1) - truth).square().mean((0, 2, 3, 4)).clamp(min=1e-10).log10()


def frames_above(model: Tensor, baseline: Tensor) -> int:
    """Frames before a curve [frames] first falls to a baseline's."""
    below = (model <= baseline).nonzero()
    return int(below[0]) if len(below) else len(model)


def luma(pictures: Tensor) -> Tensor:
    """[..., 3, h, w] to [..., h, w]."""
    return (pictures.movedim(-3, -1) * torch.tensor(LUMA)).sum(-1)


def statistics(pictures: Tensor) -> dict[str, float]:
    """Mean luminance and saturation, and the Laplacian's mean square, of pictures [n, 3, h, w]."""
    pictures = pictures.clamp(0, 1)
    high, low = pictures.amax(1), pictures.amin(1)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    edges = F.conv2d(luma(pictures)[:, None], kernel)
    return {
        "luminance": float(luma(pictures).mean()),
        "saturation": float(((high - low) / high.clamp(min=0.02)).mean()),
        "laplacian": float(edges.square().mean()),
    }


def likeness(pictures: Tensor, bank: Tensor) -> float:
    """How like pictures are to the most similar one of a bank: mean over pictures of the largest correlation.

    Compared at COARSE pixels per side, mean and contrast aside; 1 is the same view, a flat colour gets 0.
    Shapes: [n, 3, h, w] and [m, 3, h, w].
    """
    a, b = (F.adaptive_avg_pool2d(x.clamp(0, 1), COARSE).flatten(1) for x in (pictures, bank))
    a, b = (x - x.mean(1, keepdim=True) for x in (a, b))
    a, b = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-3) for x in (a, b))
    return float((a @ b.T).amax(1).mean())


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson correlation of each pair, [n, ...] twice to [n]; 0 where either does not vary."""
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (a, b))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)
