"""Levels: four rooms of 5×5 cells in a square, joined by doors, each with its own wall, floor and one pillar."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROOM = 5
"""Cells per side of a room."""
SIZE = 2 * ROOM + 3
"""Cells per side of a level, outer walls included."""
WALL = 1
PILLAR = 2

TRAINING_LEVELS = (1, 2)
"""Seeds of the levels a model is trained on."""
HELD_OUT_LEVEL = 7
"""Seed of a level no model sees in training: the same textures, arranged otherwise."""

Cells = NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """A level.

    Shapes: all [SIZE, SIZE], indexed (x, y). `solid`: 0 free, 1 wall, 2 pillar. `wall`, `floor`: texture numbers
    that hold in the room a cell belongs to. `pillar`: texture of the pillar in a cell.
    """

    seed: int
    solid: Cells
    wall: Cells
    floor: Cells
    pillar: Cells

    @property
    def free(self) -> list[tuple[int, int]]:
        """Cells one can stand in."""
        return [(int(x), int(y)) for x, y in np.argwhere(self.solid == 0)]


def make_level(seed: int, *, walls: int = 8, pillars: int = 4, floors: int = 3) -> Level:
    """Lay out a level from its seed. Texture numbers follow `textures.NAMES`."""
    random = np.random.default_rng(seed)
    solid = np.zeros((SIZE, SIZE), np.int64)
    solid[[0, ROOM + 1, SIZE - 1]] = WALL
    solid[:, [0, ROOM + 1, SIZE - 1]] = WALL
    for along in (1 + random.integers(1, ROOM - 1), ROOM + 2 + random.integers(1, ROOM - 1)):
        solid[ROOM + 1, along] = 0
    for along in (1 + random.integers(1, ROOM - 1), ROOM + 2 + random.integers(1, ROOM - 1)):
        solid[along, ROOM + 1] = 0
    wall, floor, pillar = (np.zeros((SIZE, SIZE), np.int64) for _ in range(3))
    # Odd seeds begin with the first four walls, even seeds with the last four, so that two levels share none.
    wall_order = (random.permutation(4) + (0 if seed % 2 else 4)) % walls if seed < 3 else random.permutation(walls)
    pillar_order = random.permutation(pillars)
    for number in range(4):
        left, top = (number % 2) * (ROOM + 1), (number // 2) * (ROOM + 1)
        area = (slice(left, left + ROOM + 2), slice(top, top + ROOM + 2))
        wall[area] = wall_order[number]
        floor[area] = walls + pillars + (number + seed) % floors
        x, y = left + 2 + random.integers(0, 3), top + 2 + random.integers(0, 3)
        pillar[area] = walls + pillar_order[number]
        if doors_clear(solid, int(x), int(y)):
            solid[x, y] = PILLAR
    return Level(seed, solid, wall, floor, pillar)


def doors_clear(solid: Cells, x: int, y: int) -> bool:
    """Whether a pillar in a cell leaves every door's approach free."""
    doors = [(a, b) for a, b in np.argwhere(solid == 0) if ROOM + 1 in (a, b)]
    return all(abs(x - a) + abs(y - b) > 1 for a, b in doors)


def next_steps(level: Level) -> tuple[dict[tuple[int, int], int], Cells]:
    """First moves of shortest paths between free cells.

    Returns the number of each free cell, and a table [from, to] with the number of the cell to go to next.
    """
    free = level.free
    number = {cell: index for index, cell in enumerate(free)}
    table = np.zeros((len(free), len(free)), np.int64)
    for goal, start in enumerate(free):
        table[goal, goal] = goal
        reached = {start}
        queue = deque([start])
        while queue:
            x, y = queue.popleft()
            for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if cell in number and cell not in reached:
                    reached.add(cell)
                    table[number[cell], goal] = number[(x, y)]
                    queue.append(cell)
    return number, table
