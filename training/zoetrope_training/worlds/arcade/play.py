"""Games to learn from: a player who mostly chases stars, sometimes wanders, and is sometimes hit."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rules
from .rules import Control, State


class Player:
    """A batch of players with moods: chase the star, run about, stand still.

    Keys are sticky; a mood lasts about forty frames. `generator` makes the play reproducible.
    """

    def __init__(self, batch: int, generator: torch.Generator) -> None:
        self._generator = generator
        self._mood = self._draw(batch)
        self._push = torch.zeros(batch, dtype=torch.long)
        self._jump = torch.zeros(batch, dtype=torch.bool)

    def __call__(self, state: State) -> Control:
        """Keys for the next frame."""
        batch = len(state.x)
        renew = self._draw(batch) < 1 / 40
        self._mood = torch.where(renew, self._draw(batch), self._mood)
        push, jump = chase(state)
        jump = jump | (self._draw(batch) < 0.02)
        wander = self._mood > 0.72
        idle = self._mood > 0.93
        flip = self._draw(batch) < 1 / 14
        self._push = torch.where(flip, torch.randint(-1, 2, (batch,), generator=self._generator), self._push)
        self._jump = torch.where(self._draw(batch) < 1 / 8, self._draw(batch) < 0.4, self._jump)
        push = torch.where(wander, self._push, push)
        jump = torch.where(wander, self._jump, jump)
        return Control(left=(push < 0) & ~idle, right=(push > 0) & ~idle, jump=jump & ~idle)

    def _draw(self, batch: int) -> Tensor:
        return torch.rand(batch, generator=self._generator)


def chase(state: State) -> tuple[Tensor, Tensor]:
    """Where to go for the star, and whether to jump: int64 and bool [batch].

    Climbs by the platforms on the way up, steps off an edge on the way down, hops over the slime.
    """
    star = torch.tensor(rules.SPOTS)[state.spot]
    column, row = star[:, 0] + rules.STAR // 2, star[:, 1]
    centre, feet = state.x + rules.PLAYER_W // 2, state.y + rules.PLAYER_H
    above = row + rules.STAR < state.y + 4
    from_ground = torch.where(row >= 70, column, torch.where(column < 64, 40, 88))
    climb = torch.where(feet > 90, from_ground, torch.where(feet > 64, 64, column))
    aim = torch.where(above, climb, torch.where(row > feet, _way_down(state, column), column))
    gap = aim - centre
    push = torch.where(gap.abs() <= 1, 0, gap.sign())
    ahead = state.slime_x + rules.SLIME_W // 2 - centre
    slime = (feet > 104) & (ahead.abs() < 26)
    return push, (above & (gap.abs() < 18)) | slime


def _way_down(state: State, column: Tensor) -> Tensor:
    """Where to walk so as to fall towards `column`: there, or past the inner edge of a platform that covers it."""
    aim = column
    for left, right, top in rules.PLATFORMS[1:]:
        on = (state.y + rules.PLAYER_H == top) & (column > left - 8) & (column < right + 8)
        edge = right + 8 if left + right < rules.SIZE else left - 8
        aim = torch.where(on, edge, aim)
    return aim


def roll(state: State, frames: int, player: Player, generator: torch.Generator) -> tuple[list[State], Tensor, Tensor]:
    """Play `frames` steps.

    Returns:
        states: frames + 1 of them, the given one first.
        control: float32 [frames, batch, 3]; entry t led from state t to state t + 1.
        dice: float32 [frames, batch, spots], the rolls of each step.
    """
    states, controls, rolls = [state], [], []
    for _ in range(frames):
        control = player(states[-1])
        dice = torch.randn(len(state.x), len(rules.SPOTS), generator=generator)
        states.append(rules.step(states[-1], control, dice))
        controls.append(control.stack())
        rolls.append(dice)
    return states, torch.stack(controls), torch.stack(rolls)


SPOT_CELLS = tuple(((x + rules.STAR // 2) // 8, (y + rules.STAR // 2) // 8) for x, y in rules.SPOTS)
"""Column and row of the latent cell that holds the centre of each spot."""


def couple(noise: Tensor, dice: Tensor) -> Tensor:
    """Make noise agree with the dice: the mean over channels at a spot's cell becomes its roll.

    A roll is standard normal and so is the mean over channels times the root of their number, so coupled
    noise is still independent and standard normal; it merely decides the same events (arXiv:2302.00482).

    Shapes: noise [n, channels, grid, grid], dice [n, spots]; returns noise, changed in place.
    """
    root = noise.shape[1] ** 0.5
    for spot, (column, row) in enumerate(SPOT_CELLS):
        cell = noise[:, :, row, column]
        cell += (dice[:, spot] / root)[:, None] - cell.mean(1, keepdim=True)
    return noise


def rolls_of(noise: Tensor) -> Tensor:
    """The dice that `noise` [n, channels, grid, grid] carries: [n, spots]."""
    return torch.stack([noise[:, :, r, c].mean(1) * noise.shape[1] ** 0.5 for c, r in SPOT_CELLS], 1)
