"""Lessons from the model's own play: long roll-outs, with what the game would have shown next beside each frame.

The model plays many games on its own pictures. After every frame the probe reads the picture, the game takes
over what it shows, and steps from there: so what should come next is known exactly, however far a roll-out has
strayed (imitation of an expert on the learner's own states, arXiv:1011.0686).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...autoencoder import Autoencoder
from ...level_model import LevelWorldModel, best_levels, last_frames
from ...precision import mixed_precision
from . import rules
from .data import appear, begin, codes_of, encode, latents
from .play import Player, rolls_of
from .probe import PARTS, complete, read
from .render import render
from .rules import State

SIGMAS = (1.0, 0.5)
"""Noise levels of the two denoising steps, the package's default."""
PATIENCE = 3
"""Frames that a part may be missing before it is to appear anew."""
DESPAIR = 40
"""Frames in a row that something is missing or damaged, after which a game begins again."""
RENEWAL = 1 / 1500
"""Chance that a game begins again anyway."""
FIELDS = {
    "player": ("x", "y", "vy", "facing"), "slime": ("slime_x", "slime_dir"), "bat": ("bat_x", "bat_dir"),
    "star": ("spot",), "counter": ("counter",),
}
"""The fields of a state that each of `PARTS` shows."""
COUNTER = PARTS.index("counter")


@dataclass(frozen=True)
class Lessons:
    """The last frames of every game.

    Attributes:
        codes: uint8 [games, frames, channels, grid, grid], what the model made.
        target: the same shape; entry t is what should have followed frame t.
        control: float32 [games, frames, controls]; entry t leads from frame t to frame t + 1.
        dice: float32 [games, frames, spots], likewise.
        event: bool [games, frames], the player turns, a star is taken or the light changes in that transition.
        begins: bool [games, frames], the frame is the first of a game.
    """

    codes: Tensor
    target: Tensor
    control: Tensor
    dice: Tensor
    event: Tensor
    begins: Tensor


class OwnPlay:
    """A batch of endless games of one model; `lessons` holds the last `keep` frames of each."""

    def __init__(self, autoencoder: Autoencoder, games: int, keep: int, window: int, generator: torch.Generator) -> None:
        self._autoencoder, self._keep, self._window, self._generator = autoencoder, keep, window, generator
        self._player = Player(games, generator)
        self._truth = begin(games, generator)
        self._missing = torch.zeros(games, len(PARTS), dtype=torch.long)
        self._unwell = torch.zeros(games, dtype=torch.long)
        self._levels = autoencoder.config.levels
        codes = encode(autoencoder, render(self._truth))[:, None]
        self._newest = codes
        self._first = torch.ones(games, dtype=torch.bool)
        none = codes[:, :0]
        self.lessons = Lessons(
            none, none, torch.zeros(games, 0, 3), torch.zeros(games, 0, len(rules.SPOTS)),
            torch.zeros(games, 0, dtype=torch.bool), torch.zeros(games, 0, dtype=torch.bool),
        )

    @torch.no_grad()
    def advance(self, model: LevelWorldModel, frames: int) -> str:
        """Play on; returns how it went, for the log."""
        whole = torch.zeros(())
        for _ in range(frames):
            whole += self._frame(model).float().mean() / frames
        return f"own play: {100 * whole:.1f}% whole, {(self._unwell > PATIENCE).sum()} unwell"

    def _frame(self, model: LevelWorldModel) -> Tensor:
        keys = self._player(self._truth)
        control = keys.stack()
        noise = torch.randn(self._newest[:, 0].shape, generator=self._generator)
        dice = rolls_of(noise)
        due = rules.step(self._truth, keys, dice)
        due = _appear(due, self._truth, self._missing >= PATIENCE, dice)
        event = torch.stack([getattr(due, name) != getattr(self._truth, name) for name in ("facing", "spot", "phase")]).any(0)
        self._keep_lesson(encode(self._autoencoder, render(due)), control, dice, event)

        made = self._denoise(model, noise)
        reading = read(self._autoencoder.decoder(made).clamp(0, 1))
        trusted = reading.present.clone()
        trusted[:, COUNTER] |= self._missing[:, COUNTER] >= PATIENCE
        self._missing = torch.where(reading.present, 0, self._missing + 1)
        self._unwell = torch.where(reading.whole, 0, self._unwell + 1)
        self._truth = _take_over(due, self._truth, reading.state, trusted)
        self._newest = codes_of(made, self._levels)[:, None]
        self._renew()
        return reading.whole

    def _denoise(self, model: LevelWorldModel, noise: Tensor) -> Tensor:
        """The next latents of every game, from the window that the engine would keep."""
        lessons = self.lessons
        clip = latents(lessons.codes[:, -self._window :], self._levels)
        control = lessons.control[:, -self._window :]
        history = _since_first(lessons.begins[:, -self._window :])
        clip = clip.gather(1, history[:, :, None, None, None].expand_as(clip))
        control = control.gather(1, history[:, :, None].expand_as(control))
        with mixed_precision():
            features = model.features(clip, control)[:, -1]
            previous = last_frames(clip)[:, -1]
            made = noise
            for sigma in SIGMAS:
                sample = (1 - sigma) * made + sigma * noise
                scores = model.denoiser(sample, torch.full((len(noise),), sigma), features, previous)
                made = best_levels(scores.float(), self._levels)
        return made

    def _keep_lesson(self, target: Tensor, control: Tensor, dice: Tensor, event: Tensor) -> None:
        new = (self._newest, *(part[:, None] for part in (target, control, dice, event, self._first)))
        kept = self.lessons.__dict__.values()
        self.lessons = Lessons(*(torch.cat([old, one], 1)[:, -self._keep :] for old, one in zip(kept, new, strict=True)))

    def _renew(self) -> None:
        """Begin some games again."""
        games = len(self._first)
        again = (self._unwell > DESPAIR) | (torch.rand(games, generator=self._generator) < RENEWAL)
        self._first = again
        if not again.any():
            return
        self._truth = rules.choose(again, begin(games, self._generator), self._truth)
        fresh = encode(self._autoencoder, render(self._truth))[:, None]
        self._newest = torch.where(again[:, None, None, None, None], fresh, self._newest)
        self._unwell = torch.where(again, 0, self._unwell)
        self._missing = torch.where(again[:, None], 0, self._missing)


def _since_first(begins: Tensor) -> Tensor:
    """Frame indices with those before the newest beginning replaced by that beginning; int64 [games, frames]."""
    frames = begins.shape[1]
    index = torch.arange(frames)
    start = torch.where(begins, index, 0).amax(1, keepdim=True)
    return torch.maximum(index, start)


def _take_over(due: State, before: State, seen: State, trusted: Tensor) -> State:
    """The game as the picture shows it; parts that are not to be trusted are where they are due."""
    shown = complete(before, seen)
    fields = {
        name: torch.where(trusted[:, index], getattr(shown, name), getattr(due, name))
        for index, part in enumerate(PARTS)
        for name in FIELDS[part]
    }
    return replace(shown, **fields)


def _appear(due: State, before: State, lost: Tensor, dice: Tensor) -> State:
    """Where parts that were long missing are to appear: bool [games, parts] in the order of `PARTS`.

    As `appear`, and a star where the dice say. The counter stays as long as it cannot be known whether a star was
    taken.
    """
    player, slime, bat, star, counter = lost.unbind(1)
    return replace(
        appear(due, player, slime, bat),
        spot=torch.where(star, dice.argmax(1), due.spot),
        counter=torch.where(player | star | counter, before.counter, due.counter),
    )
