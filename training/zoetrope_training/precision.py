"""Which floating-point format the heavy layers train in."""

from __future__ import annotations

import time
from functools import cache

import torch
from torch import nn

CHANNELS, SIDE, BATCH = 64, 16, 64
"""The trial convolution: of the size that the worlds' networks are made of."""
TRIALS = 3


def mixed_precision() -> torch.autocast:
    """A context in which convolutions and matrix products run in bfloat16, where this processor is faster so.

    It is tried out once a process: processors with the same instructions differ by 2 either way, and one without
    them took eight times as long.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=_is_bfloat16_faster())


@cache
def _is_bfloat16_faster() -> bool:
    if not torch.cpu._is_avx512_bf16_supported():
        return False
    with torch.random.fork_rng():
        return _seconds_of_a_step(bfloat16=True) < _seconds_of_a_step(bfloat16=False)


def _seconds_of_a_step(*, bfloat16: bool) -> float:
    """The quickest of a few steps forward and back, in processor seconds."""
    layers = nn.Sequential(*(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(2)))
    picture = torch.randn(BATCH, CHANNELS, SIDE, SIDE)
    seconds = []
    for _ in range(TRIALS):
        begun = time.process_time()
        with torch.enable_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            layers(picture).float().square().mean().backward()
        seconds.append(time.process_time() - begun)
    return min(seconds)
