"""The loop that every training shares: how it is resumed, kept and told."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from zoetrope_training.checkpoints import Shelf
from zoetrope_training.training import Alarm, Training, averaging, seeded, training_flags


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Run:
    """A training of one number, 3 seconds a step, as if the command was given once more."""

    def __init__(self, shelf: Shelf, budget: float, marks: dict[str, object] | None = None, decay: float | None = None) -> None:
        flags = Namespace(budget_seconds=budget, seed=1, threads=1)
        self.generator, self.clock = seeded(flags), Clock()
        self.model = nn.Linear(1, 1, bias=False)
        self.average = None if decay is None else averaging(self.model, decay)
        learns: dict[str, nn.Module] = {"model": self.model} | ({} if self.average is None else {"average": self.average})
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.training = Training(
            shelf, "run.pt", learns, optimiser, flags, self.generator, checkpoint_seconds=10, marks=marks, clock=self.clock,
        )
        self.first_step = self.training.step
        self.drawn = float(torch.rand((), generator=self.generator))
        self.kept = 0

    def to_its_end(self) -> Run:
        """Make every step that there is time for."""
        while self.training.goes_on():
            self.training.descend((self.model(torch.ones(1, 1)) - 2).square().mean())
            self.clock.now += 3
            self.kept += self.training.keep_if_due()
        return self


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "runs", tmp_path / "shipped")


def test_a_training_goes_on_where_it_was_stopped(shelf: Shelf) -> None:
    first = Run(shelf, 30).to_its_end()
    second = Run(shelf, 60)
    assert first.training.begins_fresh and not second.training.begins_fresh
    assert (first.training.step, second.first_step, second.training.budget.elapsed) == (10, 10, 30)
    assert torch.equal(first.model.weight, second.model.weight)
    assert second.drawn != first.drawn
    assert second.to_its_end().training.step == 20


def test_it_is_kept_every_so_many_seconds_and_at_its_end(shelf: Shelf) -> None:
    assert Run(shelf, 31).to_its_end().kept == 3
    assert Run(shelf, 31).training.goes_on() is False


def test_shipped_weights_begin_a_budget_anew_and_are_counted(shelf: Shelf) -> None:
    learned = Run(shelf, 30, decay=0.5).to_its_end()
    shelf.ship("run.pt")
    (shelf.runs / "run.pt").unlink()
    again = Run(shelf, 30, decay=0.5)
    assert isinstance(learned.average, AveragedModel)
    assert (again.first_step, again.training.earlier) == (0, {"spent": 30, "step": 10})
    assert torch.equal(again.model.weight, learned.average.module.weight)
    again.to_its_end()
    assert Run(shelf, 60, decay=0.5).training.earlier == {"spent": 30, "step": 10}


def test_other_marks_give_weights_alone(shelf: Shelf) -> None:
    first = Run(shelf, 30, marks={"decoder": False}).to_its_end()
    other = Run(shelf, 30, marks={"decoder": True})
    assert other.first_step == 0 and torch.equal(other.model.weight, first.model.weight)
    assert Run(shelf, 60, marks={"decoder": False}).first_step == 10


def test_an_average_follows_the_model(shelf: Shelf) -> None:
    run = Run(shelf, 30, decay=0.9).to_its_end()
    assert isinstance(run.average, AveragedModel)
    assert int(run.average.n_averaged) == 10
    assert not torch.equal(run.average.module.weight, run.model.weight)


def test_an_alarm_rings_every_so_many_seconds_and_at_the_end(shelf: Shelf) -> None:
    run = Run(shelf, 30)
    alarm, rung = Alarm(run.training, 8), []
    while run.training.goes_on():
        run.clock.now += 3
        rung.append(alarm.rings())
    assert rung == [False, False, True, False, False, True, False, False, True, True]


def test_its_log_says_when(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(shelf, 30).to_its_end()
    run.training.say("loss 0.1")
    assert capsys.readouterr().out == "    30s step 10 loss 0.1\n"
    assert run.training.is_at(5) and not run.training.is_at(3)


def test_every_training_has_the_same_flags() -> None:
    flags = training_flags("about", budget_seconds=7, threads=1).parse_args(["--seed", "5"])
    assert (flags.budget_seconds, flags.seed, flags.threads) == (7, 5, 1)
