"""Reads from two pictures in a row what moved between them: an inverse-dynamics network trained on true pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .play import Walks, World, roll
from .render import render
from .rules import STRIDE

BATCH = 96
NOISE = 0.05
"""Largest deviation of the noise the probe is hardened with; a third of its pictures are also blurred."""
STILL = 1
"""Class of no motion; 0 is back or left, 2 is forward or right."""


class MotionProbe(nn.Module):
    """Two pictures to scores of three pushes and three turns."""

    def __init__(self) -> None:
        super().__init__()
        widths = (6, 24, 32, 48, 64)
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in zip(widths, widths[1:], strict=False)
        )
        self.hidden = nn.Linear(widths[-1] * 16, 96)
        self.score = nn.Linear(96, 6)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [n, 3, 64, 64] each to scores of the push and of the turn, [n, 3] each."""
        x = torch.cat((after - 0.5, 4 * (after - before)), 1)
        for stage in self.stages:
            x = F.relu(stage(x))
        return self.score(F.relu(self.hidden(x.flatten(1)))).split(3, dim=1)

    @torch.no_grad()
    def read(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """The most likely push and turn, classes [n] each."""
        push, turn = self(before, after)
        return push.argmax(1), turn.argmax(1)


def motions(walks: Walks) -> tuple[Tensor, Tensor]:
    """What truly moved: classes of push and turn, [n, frames - 1] each; a push against a wall is no motion."""
    forward, back, left, right = walks.control.unbind(-1)
    moved = (walks.pose[:, 1:, :2] - walks.pose[:, :-1, :2]).norm(dim=-1) > STRIDE / 2
    push = torch.where(moved, forward - back, 0.0)
    return (push + STILL).round().long(), (right - left + STILL).round().long()


def train_probe(world: World, steps: int, seed: int, *, walks: int = 160, ticks: int = 80) -> MotionProbe:
    """Train on true pictures from a pool of walks."""
    generator = torch.Generator().manual_seed(seed)
    made = roll(world, walks, ticks, generator)
    pictures = torch.stack([(render(world.maps, made.which, made.pose[:, t]) * 255).byte() for t in range(ticks)], 1)
    push, turn = motions(made)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        probe = MotionProbe()
    optimiser = torch.optim.AdamW(probe.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps)
    for _ in range(steps):
        walk = torch.randint(walks, (BATCH,), generator=generator)
        tick = torch.randint(ticks - 1, (BATCH,), generator=generator)
        pair = pictures[walk[:, None], tick[:, None] + torch.arange(2)].float() / 255
        scores = probe(*_hardened(pair, generator).unbind(1))
        loss = F.cross_entropy(scores[0], push[walk, tick]) + F.cross_entropy(scores[1], turn[walk, tick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return probe.eval()


def _hardened(pair: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures with noise and blur, so that the probe reads motion and not pixels. Shape: [n, 2, 3, h, w]."""
    amount = NOISE * torch.rand(len(pair), 1, 1, 1, 1, generator=generator)
    blurred = F.avg_pool2d(F.pad(pair.flatten(0, 1), (1, 1, 1, 1), "replicate"), 3, 1).view_as(pair)
    blurs = torch.rand(len(pair), 1, 1, 1, 1, generator=generator) < 1 / 3
    return torch.where(blurs, blurred, pair) + amount * torch.randn(pair.shape, generator=generator)
