"""From sound to features of speech: all of it in the network, so that training and the engine compute the same.

A frame's features are a function of a window of samples that ends `LOOK_AHEAD` frames after the frame's own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .visemes import MOUTH_SHAPE
from .voices import SAMPLE_RATE

FRAME_RATE = 25
SAMPLES = SAMPLE_RATE // FRAME_RATE
"""Samples of speech in a frame of video."""
WINDOW = 10
"""Frames of speech that a frame's features look at."""
LOOK_AHEAD = 2
"""Frames of them that come after the frame's own."""
LEARNED = 64
FEATURES = LEARNED + len(MOUTH_SHAPE)
"""Floats of a frame's features: what is learned, and what that says of the mouth."""
SPAN, HOP, BANDS = 400, 160, 48
"""Samples of a short-time spectrum, samples between two, and its mel bands."""
STEPS = (WINDOW * SAMPLES - SPAN) // HOP + 1
"""Short-time spectra of a window."""
EVEN = 1
"""Steps put before a window so that strides come out even and the newest step counts."""
LOWEST, HIGHEST = 60.0, 7600.0
"""Hz."""
FLOOR = 1e-5


def mel_bands() -> Tensor:
    """Triangular bands, evenly spaced in mels: [SPAN / 2 + 1, BANDS]."""
    mel = lambda hertz: 2595 * math.log10(1 + hertz / 700)
    edges = 700 * (10 ** (torch.linspace(mel(LOWEST), mel(HIGHEST), BANDS + 2) / 2595) - 1)
    bins = torch.arange(SPAN // 2 + 1) * (SAMPLE_RATE / SPAN)
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0)


class Spectrum(nn.Module):
    """Log-mel spectrum by matrix products: [n, samples] to [n, BANDS, steps], about [-1, 1.5]."""

    def __init__(self) -> None:
        super().__init__()
        angles = torch.outer(torch.arange(SPAN // 2 + 1), torch.arange(SPAN)) * (2 * math.pi / SPAN)
        hann = torch.hann_window(SPAN, periodic=True)
        waves = torch.cat([angles.cos() * hann, angles.sin() * hann]) / SPAN**0.5
        self.register_buffer("waves", waves[:, None], persistent=False)
        self.register_buffer("bands", mel_bands().T[..., None].contiguous(), persistent=False)

    def forward(self, pcm: Tensor) -> Tensor:
        """Frame, transform, square, gather into bands, take the logarithm."""
        assert isinstance(self.waves, Tensor) and isinstance(self.bands, Tensor)
        parts = F.conv1d(pcm[:, None], self.waves, stride=HOP)
        power = (parts * parts).unflatten(1, (2, -1)).sum(1)
        return (F.conv1d(power, self.bands) + FLOOR).log() * 0.2 + 1.0


class SpeechEncoder(nn.Module):
    """A window of samples to the features of its frame, the last of which are the mouth as it is heard."""

    def __init__(self, width: int = 112) -> None:
        super().__init__()
        self.spectrum = Spectrum()
        self.layers = nn.ModuleList([
            nn.Conv1d(BANDS, width, 3, padding=1), nn.Conv1d(width, width, 3, stride=2), nn.Conv1d(width, width, 3, stride=2),
            nn.Conv1d(width, width, 3, stride=2),
        ])
        with torch.no_grad():
            flat = self._convolved(torch.zeros(1, BANDS, STEPS)).shape[1]
        self.features = nn.Sequential(nn.Linear(flat, 2 * LEARNED), nn.SiLU(), nn.Linear(2 * LEARNED, LEARNED))
        self.mouth = nn.Sequential(nn.SiLU(), nn.Linear(LEARNED, len(MOUTH_SHAPE)))

    def _convolved(self, spectrum: Tensor) -> Tensor:
        spectrum = F.pad(spectrum, (EVEN, 0))
        for layer in self.layers:
            spectrum = F.silu(layer(spectrum))
        return spectrum.flatten(1)

    def forward(self, pcm: Tensor) -> Tensor:
        """Samples [n, WINDOW * SAMPLES] in [-1, 1] to features [n, FEATURES]."""
        return self._told(self.spectrum(pcm))

    def _told(self, spectrum: Tensor) -> Tensor:
        features = self.features(self._convolved(spectrum))
        return torch.cat([features, self.mouth(features)], 1)

    def forward_clip(self, pcm: Tensor) -> Tensor:
        """Features of all frames of a stretch, as `forward` has them of each frame's own window.

        Shapes: [n, (frames + WINDOW - 1) * SAMPLES] to [n, frames, FEATURES]. The first frame's own samples begin
        `WINDOW - 1 - LOOK_AHEAD` frames after the first sample.
        """
        cut = self.spectrum(pcm).unfold(2, STEPS, SAMPLES // HOP).transpose(1, 2)
        return self._told(cut.flatten(0, 1)).unflatten(0, cut.shape[:2])


def mouth_of(features: Tensor) -> Tensor:
    """The mouth that features tell of: [..., FEATURES] to [..., 5]."""
    return features[..., LEARNED:]
