"""The rules of the game: one step of a batch of states, integers only, everything on a lattice of two pixels.

The next state is a function of the state, the control and one roll of dice (where the next star appears),
so that a model which sees the last two pictures can be exactly right. Lengths are pixels, times frames.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

SIZE = 128
"""Width and height of the picture."""

PLAYER_W, PLAYER_H = 12, 16
STAR = 10
SLIME_W, SLIME_H = 16, 12
BAT_W, BAT_H = 16, 10

RUN = 2
"""Pixels a frame the player runs."""
JUMP = -12
"""Vertical speed at take-off; the jump is 42 pixels high and 13 frames long."""
GRAVITY = 2
FALL_LIMIT = 8
CEILING = 10
"""Smallest `y`: a player who reaches it stops rising, so that the state stays inside the picture."""

GROUND = 116
PLATFORMS = ((-8, 136, GROUND), (8, 48, 88), (80, 120, 88), (40, 88, 62), (0, 34, 40), (94, 128, 40))
"""(left, right, top) of everything one can stand on; passed from below, landed on from above."""

SPAWN_X, SPAWN_Y = 18, 40 - PLAYER_H

SPOTS = (
    (4, 104), (114, 104), (58, 86), (12, 76), (36, 76), (82, 76),
    (108, 76), (44, 50), (74, 50), (4, 28), (102, 28), (58, 38),
)
"""Top left corners at which a star may appear."""

SLIME_Y = GROUND - SLIME_H
SLIME_RANGE = (20, 92)
SLIME_SPEED = 2
BAT_Y = 20
BAT_RANGE = (38, 74)
BAT_SPEED = 2

PIPS = 6
"""Stars that complete a counter; the light then moves to its next phase."""
PHASES = 4
FADE = 8
"""Frames over which the light changes."""


@dataclass(frozen=True)
class State:
    """A batch of game states; every field is int64 [batch].

    `vy` is the vertical speed that led to this state, `facing` and the directions are -1 or 1, `spot` is an
    index into `SPOTS`, `fade` counts down from `FADE` to 0 while the light changes to `phase`.
    """

    x: Tensor
    y: Tensor
    vy: Tensor
    facing: Tensor
    spot: Tensor
    slime_x: Tensor
    slime_dir: Tensor
    bat_x: Tensor
    bat_dir: Tensor
    counter: Tensor
    phase: Tensor
    fade: Tensor

    def stack(self) -> Tensor:
        """All fields as float32 [batch, 12], in declaration order."""
        return torch.stack([getattr(self, f.name) for f in fields(self)], -1).float()

    @staticmethod
    def unstack(vector: Tensor) -> State:
        """The inverse of `stack`."""
        return State(*(vector[..., i].round().long() for i in range(len(STATE_FIELDS))))

    def __getitem__(self, index: Tensor | slice) -> State:
        return State(*(getattr(self, f.name)[index] for f in fields(self)))


def choose(when: Tensor, then: State, otherwise: State) -> State:
    """Game by game one state or the other; `when` is bool [batch]."""
    pairs = zip(then.__dict__.values(), otherwise.__dict__.values(), strict=True)
    return State(*(torch.where(when, a, b) for a, b in pairs))


STATE_FIELDS = tuple(f.name for f in fields(State))


@dataclass(frozen=True)
class Control:
    """Held keys, bool [batch] each."""

    left: Tensor
    right: Tensor
    jump: Tensor

    def stack(self) -> Tensor:
        """float32 [batch, 3]."""
        return torch.stack([self.left, self.right, self.jump], -1).float()


def initial(batch: int, generator: torch.Generator | None = None) -> State:
    """Fresh games: the player on the spawn pad, everything else drawn at random."""
    draw = lambda low, high: torch.randint(low, high, (batch,), generator=generator)
    sign = lambda: draw(0, 2) * 2 - 1
    zero = torch.zeros(batch, dtype=torch.long)
    return State(
        x=zero + SPAWN_X, y=zero + SPAWN_Y, vy=zero, facing=zero + 1, spot=draw(0, len(SPOTS)),
        slime_x=SLIME_RANGE[0] + 2 * draw(0, (SLIME_RANGE[1] - SLIME_RANGE[0]) // 2 + 1), slime_dir=sign(),
        bat_x=BAT_RANGE[0] + 2 * draw(0, (BAT_RANGE[1] - BAT_RANGE[0]) // 2 + 1), bat_dir=sign(),
        counter=draw(0, PIPS), phase=draw(0, PHASES), fade=zero,
    )


def standing(x: Tensor, y: Tensor) -> Tensor:
    """Whether a player at (x, y) has something under its feet; bool [batch]."""
    feet = y + PLAYER_H
    on = [(feet == top) & (x + PLAYER_W > left + 2) & (x < right - 2) for left, right, top in PLATFORMS]
    return torch.stack(on).any(0)


def overlaps(x: Tensor, y: Tensor, left: Tensor, top: Tensor, width: int, height: int, inset: int) -> Tensor:
    """Whether the player at (x, y) overlaps a box shrunk by `inset`; bool [batch]."""
    return (
        (x + PLAYER_W > left + inset) & (x < left + width - inset)
        & (y + PLAYER_H > top + inset) & (y < top + height - inset)
    )


def step(state: State, control: Control, dice: Tensor) -> State:
    """Advance every game by one frame.

    Args:
        state: games before the step.
        control: keys held during it.
        dice: float [batch, spots]; where a star is taken, the next appears at the spot of the largest roll
            among the others, so that independent identical rolls make every other spot equally likely.
    """
    push = control.right.long() - control.left.long()
    x = (state.x + RUN * push).clamp(0, SIZE - PLAYER_W)
    facing = torch.where(push == 0, state.facing, push)
    y, vy = _fall(state, x, control.jump)
    slime_x, slime_dir = _patrol(state.slime_x, state.slime_dir, SLIME_SPEED, SLIME_RANGE)
    bat_x, bat_dir = _patrol(state.bat_x, state.bat_dir, BAT_SPEED, BAT_RANGE)

    spots = torch.tensor(SPOTS, device=x.device)
    star = spots[state.spot]
    taken = overlaps(x, y, star[:, 0], star[:, 1], STAR, STAR, 1)
    here = torch.arange(len(SPOTS), device=x.device) == state.spot[:, None]
    drawn = dice.masked_fill(here, -torch.inf).argmax(-1)
    spot = torch.where(taken, drawn, state.spot)

    counter = state.counter + taken.long()
    full = counter >= PIPS
    counter = torch.where(full, 0, counter)
    phase = torch.where(full, (state.phase + 1) % PHASES, state.phase)
    fade = torch.where(full, FADE, (state.fade - 1).clamp(min=0))

    moved = replace(
        state, x=x, y=y, vy=vy, facing=facing, spot=spot, slime_x=slime_x, slime_dir=slime_dir,
        bat_x=bat_x, bat_dir=bat_dir, counter=counter, phase=phase, fade=fade,
    )
    return _punish(moved)


def _fall(state: State, x: Tensor, jump: Tensor) -> tuple[Tensor, Tensor]:
    """Vertical motion at the new column `x`; returns (y, vy)."""
    grounded = standing(state.x, state.y) & (state.vy >= 0)
    supported = standing(x, state.y)
    falling = (state.vy + GRAVITY).clamp(max=FALL_LIMIT)
    vy = torch.where(grounded, torch.where(jump, JUMP, torch.where(supported, 0, GRAVITY)), falling)
    y = state.y + vy
    for left, right, top in PLATFORMS:
        over = (x + PLAYER_W > left + 2) & (x < right - 2)
        lands = over & (vy >= 0) & (state.y + PLAYER_H <= top) & (y + PLAYER_H >= top)
        y = torch.where(lands, top - PLAYER_H, y)
        vy = torch.where(lands, 0, vy)
    return y.clamp(min=CEILING), torch.where(y <= CEILING, 0, vy)


def _patrol(x: Tensor, direction: Tensor, speed: int, reach: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Walk to the end of `reach`, then turn; the turn shows in the frame that touches the end."""
    x = (x + speed * direction).clamp(*reach)
    direction = torch.where(x <= reach[0], 1, torch.where(x >= reach[1], -1, direction))
    return x, direction


def _punish(state: State) -> State:
    """Send players who touch a hazard back to the spawn pad, a star poorer."""
    zero = torch.zeros_like(state.x)
    slime = overlaps(state.x, state.y, state.slime_x, zero + SLIME_Y, SLIME_W, SLIME_H, 2)
    bat = overlaps(state.x, state.y, state.bat_x, zero + BAT_Y, BAT_W, BAT_H, 2)
    hit = slime | bat
    return replace(
        state,
        x=torch.where(hit, SPAWN_X, state.x), y=torch.where(hit, SPAWN_Y, state.y),
        vy=torch.where(hit, 0, state.vy), facing=torch.where(hit, 1, state.facing),
        counter=torch.where(hit, (state.counter - 1).clamp(min=0), state.counter),
    )
