"""The rooms world: a first-person walk through a few textured rooms, 64×64 pixels, 30 ticks a second."""

from ...checkpoints import Shelf

SHELF = Shelf.of("rooms")
