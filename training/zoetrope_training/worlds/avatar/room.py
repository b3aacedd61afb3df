"""What happens to a voice on its way into a computer: a microphone, a room, noise, a codec, a turned knob."""

from __future__ import annotations

import torch
from torch import Tensor

from .voices import SAMPLE_RATE

CUTS = torch.tensor([3400.0, 4000.0, 6000.0, 8000.0, 8000.0, 8000.0])
"""Upper limits of bands, Hz."""


def recorded(pcm: Tensor, generator: torch.Generator) -> Tensor:
    """Speech as some microphone heard it: [n, samples] in and out, in [-1, 1]."""
    count, samples = pcm.shape
    uniform = lambda *shape: torch.rand(count, *shape, generator=generator)
    hertz = torch.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    octaves = torch.log2(hertz.clamp(min=60) / 800)
    decibels = (uniform(1) - 0.5) * 5 * octaves + (uniform(1) - 0.5) * 8 * torch.sin(octaves * (1 + uniform(1)) + 6.3 * uniform(1))
    low, high = 60 + 240 * uniform(1) ** 2, CUTS[(uniform(1) * len(CUTS)).long()]
    response = 10 ** (decibels / 20) * torch.sigmoid((hertz - low) / 25) * torch.sigmoid((high - hertz) / 90)
    echoes = torch.ones(count, len(hertz), dtype=torch.complex64)
    wet = (uniform(1) < 0.5) * uniform(1) * 0.35
    for place in range(4):
        delay, strength = (0.008 + 0.05 * uniform(1)) * (place + 1) * 0.6, wet * 0.7**place
        echoes = echoes + strength * torch.exp(-2j * torch.pi * hertz * delay)
    heard = torch.fft.irfft(torch.fft.rfft(pcm) * response * echoes, samples)
    heard = heard * 10 ** ((uniform(1) - 0.5) * 1.2)
    loudness = heard.square().mean(1, keepdim=True).sqrt().clamp(min=0.004)
    hiss = torch.randn(pcm.shape, generator=generator)
    brown = torch.fft.irfft(torch.fft.rfft(hiss) / (1 + hertz / 300), samples) * 3
    mix = uniform(1)
    noise = (mix * hiss + (1 - mix) * brown) * loudness * 10 ** (-(10 + 35 * uniform(1)) / 20)
    heard = (heard + noise * (uniform(1) < 0.8)).clamp(-1, 1)
    coarse = torch.sign(heard) * ((heard.abs() * 255).log1p() / 5.545 * 127).round() / 127
    coarse = torch.sign(coarse) * ((coarse.abs() * 5.545).expm1() / 255)
    return torch.where(uniform(1) < 0.15, coarse, heard)
