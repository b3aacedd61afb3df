"""Reads from two pictures what moved between them: an inverse-dynamics network trained on true pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...precision import mixed_precision
from .play import Walks, World, roll
from .render import render
from .rules import STRIDE

GAP = 3
"""Ticks between the two pictures, under the same keys: one stride in a far view is less than a pixel."""
BATCH = 64
NOISE = 0.04
"""Deviation of the noise on half of the probe's pictures; a quarter of them are also blurred."""
STILL = 1
"""Class of no motion; 0 is back or left, 2 is forward or right."""


class MotionProbe(nn.Module):
    """Two pictures to scores of three pushes and three turns."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList((
            nn.Conv2d(6, 32, 7, stride=2, padding=3),
            nn.Conv2d(32, 48, 3, stride=2, padding=1),
            nn.Conv2d(48, 64, 3, stride=2, padding=1),
        ))
        self.hidden = nn.Linear(64 * 64, 96)
        self.score = nn.Linear(96, 6)

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [n, 3, 64, 64] each to scores of the push and of the turn, [n, 3] each."""
        x = torch.cat((before, after), 1) - 0.4
        for stage in self.stages:
            x = F.relu(stage(x))
        push, turn = self.score(F.relu(self.hidden(x.flatten(1)))).split(3, dim=1)
        return push, turn

    @torch.no_grad()
    def read(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The most likely push and turn of every pair in clips [n, frames, 3, 64, 64]: [n, frames - GAP] each."""
        before, after = pictures[:, :-GAP], pictures[:, GAP:]
        push, turn = self(before.flatten(0, 1), after.flatten(0, 1))
        return push.argmax(1).view(before.shape[:2]), turn.argmax(1).view(before.shape[:2])


@dataclass(frozen=True)
class Motions:
    """What truly moved between pictures GAP ticks apart. Shapes: all [n, frames - GAP].

    `push`, `turn`: classes; `steady`: whether the same happened in every tick between, so that the classes are true.
    """

    push: Tensor
    turn: Tensor
    steady: Tensor


def motions(walks: Walks) -> Motions:
    """The motions of walks; a push against a wall is no motion."""
    forward, back, left, right = walks.control.unbind(-1)
    moved = (walks.pose[:, 1:, :2] - walks.pose[:, :-1, :2]).norm(dim=-1) > STRIDE / 2
    push = torch.where(moved, forward - back, 0.0).unfold(1, GAP, 1)
    turn = (right - left).unfold(1, GAP, 1)
    steady = (push == push[..., :1]).all(-1) & (turn == turn[..., :1]).all(-1)
    classes = (part[..., 0].round().long() + STILL for part in (push, turn))
    return Motions(*classes, steady)


def train_probe(world: World, steps: int, seed: int) -> MotionProbe:
    """Train on true pictures from a pool of walks, the larger the more steps there are."""
    generator = torch.Generator().manual_seed(seed)
    walks, ticks = min(192, 4 + steps // 8), 128
    made = roll(world, walks, ticks, generator)
    pictures = torch.stack([(render(world.maps, made.which, made.pose[:, t]) * 255).byte() for t in range(ticks)], 1)
    truth = motions(made)
    usable = truth.steady.nonzero()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        probe = MotionProbe()
    optimiser = torch.optim.AdamW(probe.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps)
    for _ in range(steps):
        walk, tick = usable[torch.randint(len(usable), (BATCH,), generator=generator)].unbind(1)
        pair = _hardened(pictures[walk[:, None], torch.stack((tick, tick + GAP), 1)].float() / 255, generator)
        with mixed_precision():
            push, turn = probe(pair[:, 0], pair[:, 1])
        loss = F.cross_entropy(push.float(), truth.push[walk, tick]) + F.cross_entropy(turn.float(), truth.turn[walk, tick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return probe.eval()


def _hardened(pair: Tensor, generator: torch.Generator) -> Tensor:
    """Noise on the first half of a batch of pairs [n, 2, 3, h, w] and blur on its first quarter."""
    half, quarter = len(pair) // 2, len(pair) // 4
    blurred = F.avg_pool2d(F.pad(pair[:quarter].flatten(0, 1), (1, 1, 1, 1), "replicate"), 3, 1)
    soft = torch.cat((blurred.view_as(pair[:quarter]), pair[quarter:half]))
    noise = NOISE * torch.randn(soft.shape, generator=generator)
    return torch.cat((soft + noise, pair[half:]))
