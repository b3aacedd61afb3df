"""Which floating-point format the heavy layers train in."""

from __future__ import annotations

import torch


def mixed_precision() -> torch.autocast:
    """A context in which convolutions and matrix products run in bfloat16, where this processor multiplies it.

    Elsewhere they stay float32: a processor of AVX2 only emulates bfloat16, and took eight times as long.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())
