"""Lessons from a model's own play: what should have come next is right, and what is lost appears again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from zoetrope_training.autoencoder import Autoencoder
from zoetrope_training.level_model import LevelModelConfig, LevelWorldModel
from zoetrope_training.worlds.arcade import own_play, rules
from zoetrope_training.worlds.arcade.data import Clips, latents
from zoetrope_training.worlds.arcade.own_play import PARTS, OwnPlay
from zoetrope_training.worlds.arcade.probe import read
from zoetrope_training.worlds.arcade.train_world import FRAMES, Sampler, load_autoencoder

GAMES, KEEP, WINDOW = 3, 12, 8
LEVELS = 5


@pytest.fixture(scope="module")
def autoencoder() -> Autoencoder:
    return load_autoencoder()


class Oracle(OwnPlay):
    """A model that is always right."""

    def _denoise(self, model: LevelWorldModel, noise: Tensor) -> Tensor:
        return latents(self.lessons.target[:, -1], LEVELS)


def test_a_model_that_is_right_is_taught_what_it_does(autoencoder: Autoencoder) -> None:
    play = Oracle(autoencoder, GAMES, KEEP, WINDOW, torch.Generator().manual_seed(1))

    play.advance(LevelWorldModel(LevelModelConfig()), KEEP + 2)

    lessons = play.lessons
    goes_on = ~lessons.begins[:, 1:]
    same = (lessons.codes[:, 1:] == lessons.target[:, :-1]).flatten(2).all(2)
    assert lessons.codes.shape[:2] == (GAMES, KEEP)
    assert same[goes_on].all() and goes_on.float().mean() > 0.9


def test_an_untrained_model_is_taught_the_game_all_the_same(autoencoder: Autoencoder) -> None:
    torch.manual_seed(2)
    play = OwnPlay(autoencoder, GAMES, KEEP, WINDOW, torch.Generator().manual_seed(2))

    play.advance(LevelWorldModel(LevelModelConfig()).eval(), FRAMES)

    due = latents(play.lessons.target[:, -1], LEVELS)
    assert read(autoencoder.decoder(due).clamp(0, 1)).present.float().mean() > 0.9


def test_lost_parts_are_due_where_they_begin() -> None:
    state = rules.initial(len(PARTS), torch.Generator().manual_seed(3))
    state = replace(state, x=state.x + 40, counter=torch.full_like(state.counter, 3))
    dice = torch.zeros(len(PARTS), len(rules.SPOTS))
    dice[:, 7] = 1.0

    due = own_play._appear(replace(state, counter=state.counter + 1), state, torch.eye(len(PARTS), dtype=torch.bool), dice)

    at = PARTS.index
    assert (due.x[at("player")], due.y[at("player")]) == (rules.SPAWN_X, rules.SPAWN_Y)
    assert due.slime_x[at("slime")] == rules.SLIME_RANGE[0]
    assert due.bat_x[at("bat")] == rules.BAT_RANGE[0]
    assert due.spot[at("star")] == 7
    assert due.counter[at("counter")] == 3 and due.counter[at("bat")] == 4


def test_clips_never_span_two_games() -> None:
    clips = Clips(
        torch.zeros(1, FRAMES, 12, 16, 16, dtype=torch.uint8), torch.zeros(1, FRAMES - 1, 3),
        torch.zeros(1, FRAMES - 1, len(rules.SPOTS)), torch.ones(1, FRAMES - 1, dtype=torch.bool),
    )
    sampler = Sampler(clips, clips, torch.Generator().manual_seed(4))
    frames = 40
    begins = torch.zeros(2, frames, dtype=torch.bool)
    begins[:, 20] = True
    index = torch.arange(frames, dtype=torch.uint8)[None, :, None, None, None].expand(2, frames, 12, 16, 16)
    lessons = own_play.Lessons(index, index, torch.zeros(2, frames, 3), torch.zeros(2, frames, 12), begins, begins)

    first = sampler._lessons(lessons, 64).context[:, 0, 0, 0, 0].long()

    assert ((first + FRAMES - 2 < 20) | (first >= 20)).all()
