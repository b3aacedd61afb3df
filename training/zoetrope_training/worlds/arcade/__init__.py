"""A platform game whose whole state is in the picture."""

from ...checkpoints import Shelf

SHELF = Shelf.of("arcade")
