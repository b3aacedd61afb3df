"""Heads that speak: drawn by a program, driven by synthesised speech whose sounds it knows by the millisecond."""

from ...checkpoints import Shelf

SHELF = Shelf.of("avatar")
