"""Walks through mazes: from door to door, now and then idle or astray."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rules
from .rules import FAR, UNIT, State

PLACES = FAR // UNIT + 1
"""Places of the lattice in each direction."""
UNREACHED = 10_000
LONGEST = 90
"""Paces from a door that a search goes; things never make a longer way."""
KEYS = torch.tensor([(0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0), (0, 1, 0, 0)]).float()
"""The control of each direction."""


def paces_to(places: Tensor, direction: Tensor) -> Tensor:
    """Paces to the door in `direction` from every place: int64 [batch, PLACES, PLACES].

    Shapes: places bool [batch, PLACES, PLACES], direction [batch].
    """
    index = torch.arange(PLACES)
    edges = torch.stack([
        (index == PLACES - 1)[:, None].expand(PLACES, PLACES), (index == 0)[:, None].expand(PLACES, PLACES),
        (index == 0).expand(PLACES, PLACES), (index == PLACES - 1).expand(PLACES, PLACES),
    ])
    far = torch.where(edges[direction] & places, 0, UNREACHED)
    for _ in range(LONGEST):
        near = torch.nn.functional.pad(far, (1, 1, 1, 1), value=UNREACHED)
        best = torch.stack([near[:, 2:, 1:-1], near[:, :-2, 1:-1], near[:, 1:-1, :-2], near[:, 1:-1, 2:]]).amin(0)
        far = torch.where(places, torch.minimum(far, best + 1), UNREACHED)
    return far


def heading(paces: Tensor, state: State, direction: Tensor, bent: Tensor) -> Tensor:
    """The next step towards the door in `direction`: a direction [batch]; `bent` [batch, 4] breaks ties."""
    column, row = torch.div(state.x, UNIT, rounding_mode="floor"), torch.div(state.y, UNIT, rounding_mode="floor")
    around = torch.nn.functional.pad(paces, (1, 1, 1, 1), value=UNREACHED).flatten(1)
    offset = torch.tensor([PLACES + 2, -(PLACES + 2), -1, 1])
    here = (row + 1) * (PLACES + 2) + column + 1
    cost = around.gather(1, here[:, None] + offset).float()
    at_door = paces.flatten(1).gather(1, (row * PLACES + column)[:, None])[:, 0] == 0
    return torch.where(at_door, direction, (cost + 0.5 * bent).argmin(1))


class Player:
    """A batch of players who walk from room to room.

    `curious` is how often the door is chosen behind which the room lies that was seen longest ago (or never);
    otherwise doors are as likely as each other, and going straight back is half as likely as that.
    """

    def __init__(self, world: Tensor, state: State, generator: torch.Generator, curious: float = 0.35) -> None:
        batch = len(world)
        self._world, self._generator, self._curious = world, generator, curious
        self._seen = torch.full((batch, rules.ROOMS), -1)
        self._room = torch.full((batch,), -1)
        self._came = torch.full((batch,), -1)
        self._goal = torch.zeros(batch, dtype=torch.long)
        self._paces = torch.zeros(batch, PLACES, PLACES, dtype=torch.long)
        self._bent = torch.rand(batch, 4, generator=generator)
        self._mood = torch.zeros(batch)
        self._stray = torch.zeros(batch, dtype=torch.long)
        self._frame = 0

    def __call__(self, state: State) -> Tensor:
        """Keys for the next frame: float32 [batch, 4]."""
        entered = state.room != self._room
        if entered.any():
            self._enter(state, entered.nonzero()[:, 0])
        self._seen[torch.arange(len(self._room)), state.room] = self._frame
        self._frame += 1
        direction = heading(self._paces, state, self._goal, self._bent)
        draw = lambda: torch.rand(len(direction), generator=self._generator)
        renew = draw() < 1 / 30
        self._mood = torch.where(renew, draw(), self._mood)
        again = draw() < 1 / 6
        self._stray = torch.where(again, torch.randint(0, 4, direction.shape, generator=self._generator), self._stray)
        control = KEYS[torch.where(self._mood > 0.86, self._stray, direction)]
        sideways = (self._mood > 0.78) & (self._mood < 0.93) & (draw() < 0.4)
        control = torch.maximum(control, KEYS[self._stray] * sideways[:, None])
        return control * ~(self._mood > 0.96)[:, None]

    def _enter(self, state: State, who: Tensor) -> None:
        """Choose the next door for those who have just entered a room."""
        room = state.room[who]
        behind = torch.stack([(self._room[who] == rules.beyond(room, torch.full_like(room, d))) for d in range(4)], 1)
        doors = rules.doors(room)
        roll = torch.rand(len(who), 4, generator=self._generator) + 1
        plain = roll * torch.where(behind, 0.5, 1.0)
        next_rooms = torch.stack([rules.beyond(room, torch.full_like(room, d)) for d in range(4)], 1)
        last = self._seen[who].gather(1, next_rooms.clamp(0, rules.ROOMS - 1))
        longing = (self._frame - last).float() + 0.1 * roll
        curious = torch.rand(len(who), 1, generator=self._generator) < self._curious
        goal = torch.where(curious, longing, plain).masked_fill(~doors, -1).argmax(1)
        places = rules.free_places(rules.room_of(self._world[who], room), room)
        self._goal[who] = goal
        self._paces[who] = paces_to(places, goal)
        self._bent[who] = torch.rand(len(who), 4, generator=self._generator)
        self._room[who] = room


def begin(world: Tensor, generator: torch.Generator) -> State:
    """Players anywhere they fit, in any room."""
    batch = len(world)
    room = torch.randint(0, rules.ROOMS, (batch,), generator=generator)
    places = rules.free_places(rules.room_of(world, room), room)
    roll = torch.rand(places.shape, generator=generator).masked_fill(~places, -1)
    place = roll.flatten(1).argmax(1)
    facing = torch.randint(0, 4, (batch,), generator=generator)
    return State(room, place % PLACES * UNIT, torch.div(place, PLACES, rounding_mode="floor") * UNIT, facing)


def roll(world: Tensor, state: State, frames: int, player: Player) -> tuple[list[State], Tensor]:
    """Play `frames` steps.

    Returns:
        states: frames + 1 of them, the given one first.
        control: float32 [frames, batch, 4]; entry t led from state t to state t + 1.
    """
    states, controls = [state], []
    for _ in range(frames):
        controls.append(player(states[-1]))
        states.append(rules.step(world, states[-1], controls[-1]))
    return states, torch.stack(controls)
