"""Sixteen rooms whose looks only the cache can know: a world that remembers."""

from ...checkpoints import Shelf

SHELF = Shelf.of("maze")
