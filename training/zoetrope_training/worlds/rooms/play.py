"""Walks to learn from: mostly from one random cell to another, sometimes a look around, sometimes any keys at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .level import SIZE, Level, next_steps
from .render import level_tensors
from .rules import KEYS, STRIDE, scattered, step

MOOD_TICKS = 45
"""Mean length of a mood."""
WALK, WANDER, LOOK = 0.58, 0.83, 0.95
"""Shares of the moods, cumulated: go somewhere, press anything, turn on the spot; the rest stands still."""
STEER = math.radians(5)
"""Heading errors below it are let be."""
FACE = math.radians(40)
"""Heading errors above it are turned away before walking on."""
AIM_JITTER = 0.15
"""Cells by which a walker passes beside the middle of a cell."""
TAP_SHARE, TAP_END = 1 / 25, 1 / 3
"""Chance that a tap of random keys begins in a tick, and that it ends: what is pressed must not follow from what
was, or a model need not look at the keys."""
FORWARD, BACK, LEFT, RIGHT = range(len(KEYS))


@dataclass(frozen=True)
class World:
    """Levels with what walkers need of them.

    Shapes: `maps` of `level_tensors`; `number` [levels, SIZE, SIZE], the free cell's number or 0; `following`
    [levels, cells, cells], the number of the cell to go to next; `centre` [levels, cells, 2]; `count` [levels].
    """

    levels: list[Level]
    maps: dict[str, Tensor]
    number: Tensor
    following: Tensor
    centre: Tensor
    count: Tensor


def make_world(levels: list[Level]) -> World:
    """Prepare levels for walking and drawing."""
    most = max(len(level.free) for level in levels)
    number = torch.zeros(len(levels), SIZE, SIZE, dtype=torch.long)
    following = torch.zeros(len(levels), most, most, dtype=torch.long)
    centre = torch.zeros(len(levels), most, 2)
    for index, level in enumerate(levels):
        cells, table = next_steps(level)
        following[index, : len(cells), : len(cells)] = torch.from_numpy(table)
        for (x, y), place in cells.items():
            number[index, x, y] = place
            centre[index, place] = torch.tensor((x + 0.5, y + 0.5))
    count = torch.tensor([len(level.free) for level in levels])
    return World(levels, level_tensors(levels), number, following, centre, count)


class Walker:
    """A batch of walkers with moods. `generator` makes the walks reproducible."""

    def __init__(self, world: World, which: Tensor, generator: torch.Generator) -> None:
        self._world, self._which, self._generator = world, which, generator
        self._mood, self._goal = self._draw(), self._new_goal()
        self._aside = (2 * torch.rand(len(which), 2, generator=generator) - 1) * AIM_JITTER
        self._keys = torch.zeros(len(which), len(KEYS))
        self._loose, self._tap = self._random_keys(), self._random_keys()
        self._taps = torch.zeros(len(which), dtype=torch.bool)
        self._last = torch.full((len(which), 2), -1.0)

    def __call__(self, pose: Tensor) -> Tensor:
        """Keys for the next tick, [n, 4]."""
        stuck = (pose[:, :2] - self._last).norm(dim=1) < STRIDE / 2
        pushing = self._keys[:, FORWARD] != self._keys[:, BACK]
        # A push against a wall soon ends, so that few pictures show nothing else.
        renew = self._draw() < torch.where(stuck & pushing, 0.12, 1 / MOOD_TICKS)
        self._mood = torch.where(renew, self._draw(), self._mood)
        self._last = pose[:, :2]
        wander = self._wander(renew)
        mood = self._mood[:, None]
        look = wander.clone()
        look[:, FORWARD], look[:, BACK] = 0, 0
        keys = torch.where(mood < WALK, self._walk(pose), torch.where(mood < WANDER, wander, look))
        self._keys = self._tapped(torch.where(mood < LOOK, keys, 0))
        return self._keys

    def _tapped(self, keys: Tensor) -> Tensor:
        """Now and then random keys instead, for a few ticks."""
        begins = self._draw() < TAP_SHARE
        self._taps = torch.where(self._taps, self._draw() > TAP_END, begins)
        self._tap = torch.where(begins[:, None], self._random_keys(), self._tap)
        return torch.where(self._taps[:, None], self._tap, keys)

    def _wander(self, renew: Tensor) -> Tensor:
        """Sticky random keys: a turn and a push that each change now and then."""
        change = ((self._draw() < 1 / 15) | renew)[:, None]
        self._loose = torch.where(change, self._random_keys(), self._loose)
        return self._loose

    def _random_keys(self) -> Tensor:
        push, turn = self._draw(), self._draw()
        return torch.stack((push < 0.5, push > 0.7, turn < 0.35, turn > 0.65), 1).float()

    def _walk(self, pose: Tensor) -> Tensor:
        """Towards the goal, cell by cell."""
        world, which = self._world, self._which
        here = world.number[which, pose[:, 0].long(), pose[:, 1].long()]
        arrived = here == self._goal
        self._goal = torch.where(arrived, self._new_goal(), self._goal)
        aim = world.centre[which, world.following[which, here, self._goal]] + self._aside
        heading = torch.atan2(aim[:, 1] - pose[:, 1], aim[:, 0] - pose[:, 0])
        error = (heading - pose[:, 2] + math.pi) % math.tau - math.pi
        zero = torch.zeros_like(error)
        return torch.stack((error.abs() < FACE, zero, error < -STEER, error > STEER), 1).float()

    def _new_goal(self) -> Tensor:
        return (self._draw() * self._world.count[self._which]).long()

    def _draw(self) -> Tensor:
        return torch.rand(len(self._which), generator=self._generator)


@dataclass(frozen=True)
class Walks:
    """Poses and what led from one to the next.

    Shapes: `which` [n]; `pose` [n, frames, 3]; `control` [n, frames - 1, 4], entry t leads from frame t to t + 1.
    """

    which: Tensor
    pose: Tensor
    control: Tensor


def roll(world: World, walks: int, frames: int, generator: torch.Generator) -> Walks:
    """Walk; the levels take turns."""
    which = torch.arange(walks) % len(world.levels)
    pose, walker = scattered(world.levels, which, generator), Walker(world, which, generator)
    poses, controls = [pose], []
    for _ in range(frames - 1):
        controls.append(walker(poses[-1]))
        poses.append(step(world.maps, which, poses[-1], controls[-1]))
    return Walks(which, torch.stack(poses, 1), torch.stack(controls, 1))
