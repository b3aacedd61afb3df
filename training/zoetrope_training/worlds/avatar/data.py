"""Speech and pictures to learn from, cut into clips that begin like sessions do: with a picture of somebody."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from collections.abc import Callable

import torch
from torch import Tensor

from . import motion
from .identity import random_identities
from .listening import LOOK_AHEAD, SAMPLES, WINDOW
from .render import render
from .speech import DTYPE_SCALE, Tape
from .visemes import RATE
from .voices import SAMPLE_RATE

BATCH = 16
"""Pictures drawn at once, of a size that stays near the processor."""
SILENT = 0.08
"""Share of clips in which nobody speaks at all."""
WARP = 0.12
"""How much faster or slower a tape may run, which makes its voice higher or lower."""


@dataclass(frozen=True)
class Spoken:
    """Stretches of speech.

    Attributes:
        pcm: float32 [n, (frames + WINDOW - 1) * SAMPLES], for `SpeechEncoder.forward_clip`.
        mouth: float32 [n, frames, 5], the mouth in the middle of every frame.
    """

    pcm: Tensor
    mouth: Tensor


class Listener:
    """Draws stretches of speech from tapes."""

    def __init__(self, tapes: list[Tape], generator: torch.Generator) -> None:
        self._tapes, self._generator = tapes, generator

    def __call__(self, count: int, frames: int, *, warp: float = WARP, silent: float = SILENT) -> Spoken:
        """`count` stretches of `frames` frames."""
        parts = [self._cut(frames, warp) for _ in range(count)]
        pcm, mouth = (torch.stack(column) for column in zip(*parts, strict=True))
        quiet = torch.rand(count, generator=self._generator) < silent
        still = torch.zeros_like(mouth)
        still[..., 1] = 0.5
        return Spoken(pcm * ~quiet[:, None], torch.where(quiet[:, None, None], still, mouth))

    def _cut(self, frames: int, warp: float) -> tuple[Tensor, Tensor]:
        which, where, speed = torch.rand(3, generator=self._generator).tolist()
        tape = self._tapes[int(which * len(self._tapes))]
        rate = 1 + warp * (2 * speed - 1)
        samples = (frames + WINDOW - 1) * SAMPLES
        first = where * (len(tape.pcm) - rate * samples - 2)
        at = first + rate * torch.arange(samples, dtype=torch.float64)
        low = at.long()
        part = (at - low).float()
        pcm = torch.lerp(tape.pcm[low].float(), tape.pcm[low + 1].float(), part) / DTYPE_SCALE
        centre = (torch.arange(frames) + WINDOW - 1 - LOOK_AHEAD + 0.5) * SAMPLES
        step = ((first + rate * centre) * (RATE / SAMPLE_RATE) - 0.5).clamp(0, len(tape.mouth) - 1.001)
        low = step.long()
        mouth = torch.lerp(tape.mouth[low], tape.mouth[low + 1], (step - low).float()[:, None])
        return pcm, mouth


@dataclass(frozen=True)
class Plan:
    """What happens in clips, before anything is drawn. The first frame of a clip is the reference itself.

    Attributes:
        who: [n, columns of IDENTITY].
        reference: [n, columns of MOTION], how they hold themselves in the picture that is known of them.
        motion: [n, frames, columns of MOTION].
        dice: [n, frames, 12]; control: [n, frames, CONTROLS].
        pcm: [n, (frames + WINDOW - 1) * SAMPLES].
    """

    who: Tensor
    reference: Tensor
    motion: Tensor
    dice: Tensor
    control: Tensor
    pcm: Tensor


def plan(count: int, frames: int, listener: Listener, generator: torch.Generator, *, held_out: bool = False, warp: float = WARP) -> Plan:
    """Clips of people who speak."""
    spoken = listener(count, frames, warp=warp)
    dice = torch.randn(count, frames, len(motion.DICE), generator=generator)
    control = motion.random_controls(count, frames, generator)
    who = random_identities(count, generator, held_out=held_out)
    reference = motion.resting_pose(count, generator)
    moves = motion.perform(dice, control, spoken.mouth)
    moves[:, 0] = reference
    return Plan(who, reference, moves, dice, control, spoken.pcm)


@cache
def _renderer() -> Callable[[Tensor, Tensor], Tensor]:
    """The renderer, compiled where there is a compiler: three times as fast."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = torch.compile(render, dynamic=False)
            who = random_identities(BATCH, torch.Generator().manual_seed(0))
            compiled(who, motion.resting_pose(BATCH, torch.Generator().manual_seed(0)))
        return compiled
    except Exception as error:  # whatever a missing or odd compiler makes of it; drawing works without one
        print(f"drawing without a compiler: {type(error).__name__}", flush=True)
        return render


@torch.no_grad()
def draw(who: Tensor, pose: Tensor) -> Tensor:
    """Many pictures: uint8 [n, 3, SIZE, SIZE]. Shapes of the arguments as `render`."""
    parts, renderer = [], _renderer()
    for first in range(0, len(who), BATCH):
        some, held = who[first : first + BATCH], pose[first : first + BATCH]
        missing = BATCH - len(some)
        if missing:
            some, held = (torch.cat([part, part[:1].expand(missing, -1)]) for part in (some, held))
        parts.append((renderer(some, held)[: BATCH - missing] * 255).round().to(torch.uint8))
    return torch.cat(parts)
