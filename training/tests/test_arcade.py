"""The game's rules, its pictures and the probe that reads them back agree with one another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from zoetrope_training.worlds.arcade import rules
from zoetrope_training.worlds.arcade.data import begin
from zoetrope_training.worlds.arcade.play import SPOT_CELLS, Player, couple, roll, rolls_of
from zoetrope_training.worlds.arcade.probe import complete, light_clock, obeys, read
from zoetrope_training.worlds.arcade.render import OBJECTS, render
from zoetrope_training.worlds.arcade.rules import Control, State

GAMES, FRAMES = 12, 40


def played(seed: int) -> tuple[list[State], torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    states, control, _ = roll(begin(GAMES, generator), FRAMES, Player(GAMES, generator), generator)
    return states, control


def keys(control: torch.Tensor) -> Control:
    return Control(*(control > 0.5).unbind(1))


def test_the_probe_reads_every_state_back_from_its_picture() -> None:
    states, _ = played(1)
    for before, state in zip(states, states[1:], strict=False):
        reading = read(render(state))
        assert reading.whole.all()
        seen = complete(before, reading.state)
        for name in ("x", "y", "vy", "facing", "spot", "slime_x", "slime_dir", "bat_x", "bat_dir", "counter"):
            assert torch.equal(getattr(seen, name), getattr(state, name)), name
        assert torch.equal(light_clock(seen), light_clock(state))


def test_true_transitions_obey_and_false_ones_do_not() -> None:
    states, control = played(2)
    readings = [read(render(state)).state for state in states[:8]]
    for t in range(1, 7):
        verdict = obeys(readings[t - 1], readings[t], keys(control[t]), readings[t + 1])
        assert all(part.all() for part in verdict.values())
        jumped = replace(readings[t + 1], slime_x=readings[t + 1].slime_x + 6)
        assert not obeys(readings[t - 1], readings[t], keys(control[t]), jumped)["slime"].any()


@pytest.mark.parametrize("name", OBJECTS)
def test_a_missing_object_is_noticed(name: str) -> None:
    states, _ = played(3)
    hidden = torch.zeros(GAMES, len(OBJECTS), dtype=torch.bool)
    hidden[:, OBJECTS.index(name)] = True
    # An object that hides behind another may have little left to miss; most do not.
    assert read(render(states[5], hidden=hidden)).present.all(-1).float().mean() < 0.2


def test_players_stay_in_the_picture_and_pips_stay_in_range() -> None:
    states, _ = played(4)
    for state in states:
        assert (state.x >= 0).all() and (state.x <= rules.SIZE - rules.PLAYER_W).all()
        assert (state.y >= rules.CEILING).all() and (state.y + rules.PLAYER_H <= rules.GROUND).all()
        assert (state.counter >= 0).all() and (state.counter < rules.PIPS).all()


def test_a_taken_star_comes_back_elsewhere_equally_often() -> None:
    generator = torch.Generator().manual_seed(5)
    count = 4400
    state = rules.initial(count, generator)
    x, y = torch.tensor(rules.SPOTS)[state.spot].unbind(1)
    on_star = replace(state, x=x // 2 * 2, y=(y - 4) // 2 * 2, vy=torch.zeros_like(x))
    after = rules.step(on_star, keys(torch.zeros(count, 3)), torch.randn(count, len(rules.SPOTS), generator=generator))
    moved = after.spot != state.spot
    further = ((after.spot - state.spot) % len(rules.SPOTS))[moved]
    counts = torch.bincount(further, minlength=len(rules.SPOTS))[1:].float()
    expected = counts.sum() / len(counts)
    assert moved.float().mean() > 0.9
    assert ((counts - expected).square() / expected).sum() < 29.6  # p = 0.001 at 10 degrees of freedom


def test_coupled_noise_carries_the_dice_and_stays_normal() -> None:
    generator = torch.Generator().manual_seed(6)
    noise = torch.randn(2000, 12, 16, 16, generator=generator)
    dice = torch.randn(2000, len(rules.SPOTS), generator=generator)
    coupled = couple(noise.clone(), dice)
    assert torch.allclose(rolls_of(coupled), dice, atol=1e-4)
    column, row = SPOT_CELLS[0]
    cell = coupled[:, :, row, column]
    assert abs(float(cell.std()) - 1) < 0.02 and abs(float(cell.mean())) < 0.02
    assert torch.equal(coupled[:, :, 0, 0], noise[:, :, 0, 0])
