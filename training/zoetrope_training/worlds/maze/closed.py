"""Walks on the model's own pictures, steered by what the pictures show, and scored by what they showed before."""

from __future__ import annotations

import torch
from torch import Tensor

from .tiles import TileAutoencoder
from ...level_model import LevelWorldModel
from ...memory import Memory, Stream
from . import rules
from .data import draw_codes, latents
from .dice import random_worlds
from .play import Player, begin
from .probe import Reading, read
from .recall import BINS, Score
from .rollout import denoise
from .rules import State


class ClosedWalk:
    """A batch of walks that never see the truth after their first picture.

    The player's program steers by what the probe reads. What a room was like when it was last left is what it
    should be like when it is entered again, and each step should be one that the rules allow.

    Attributes:
        scores: memory by frames since the room was last in view.
        frames, whole, obeyed, steps: counts over all walks; a step counts where both its pictures have a player.
    """

    def __init__(self, model: LevelWorldModel, autoencoder: TileAutoencoder, memory: Memory, walks: int, seed: int) -> None:
        self._model, self._autoencoder = model, autoencoder
        self._generator = torch.Generator().manual_seed(seed)
        self._world = random_worlds(walks, self._generator)
        self._state = begin(self._world, self._generator)
        self._player = Player(self._world, self._state, self._generator, curious=0.5)
        self._stream = Stream(model, memory)
        self._now = self._before = latents(draw_codes(self._world, self._state), model.levels)
        self._last = torch.full((walks, rules.ROOMS), -1)
        self._sure = torch.ones(walks, dtype=torch.bool)
        self._frame = 0
        self.scores = {f"{low}-{high}": Score() for low, high in BINS}
        self.frames = self.whole = self.obeyed = self.steps = 0

    @torch.no_grad()
    def step(self) -> Tensor:
        """One frame; returns the pictures [walks, 3, SIZE, SIZE]."""
        control = self._player(self._state)
        features = self._stream.features(self._now, control)
        noise = torch.randn(self._now.shape, generator=self._generator)
        made = denoise(self._model, features, torch.stack([self._before, self._now], 1), noise)
        self._before, self._now = self._now, made
        pictures = self._autoencoder.decoder(made).clamp(0, 1)
        self._judge(read(pictures), control)
        return pictures

    def _judge(self, reading: Reading, control: Tensor) -> None:
        who = torch.arange(len(control))
        expected = rules.step(self._world, self._state, control)
        self._last[who, self._state.room] = self._frame
        self._frame += 1
        entered = reading.state.room != self._state.room
        same = (expected.stack() == reading.state.stack()).all(1) & reading.present
        self.frames += len(who)
        self.whole += int(reading.whole.sum())
        self.steps += int(self._sure.sum())
        self.obeyed += int((same & self._sure).sum())
        last = self._last[who, reading.state.room]
        for index in (entered & (last >= 0)).nonzero()[:, 0].tolist():
            age = self._frame - int(last[index])
            name = next((f"{low}-{high}" for low, high in BINS if low <= age < high), None)
            if name is not None:
                one = slice(index, index + 1)
                true = self._world[one, int(reading.state.room[index])]
                self.scores[name].add(reading.row[one], true, reading.whole[one])
        room = torch.where(reading.present, reading.state.room, expected.room)
        self._world[who, room] = torch.where(reading.present[:, None], reading.row, self._world[who, room])
        pick = lambda seen, due: torch.where(reading.present, seen, due)
        pairs = zip(reading.state.__dict__.values(), expected.__dict__.values(), strict=True)
        self._state = State(*(pick(seen, due) for seen, due in pairs))
        self._sure = reading.present
