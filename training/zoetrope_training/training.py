"""One training: its flags, its checkpoint, and the loop that goes on where it was stopped."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .budget import Budget, save_checkpoint
from .checkpoints import Shelf, averaged, spent_in_all

LARGEST_GRADIENT = 1.0
"""Norm that gradients are cut to."""


def training_flags(
    about: str | None, budget_seconds: float, threads: int = 2, unit: str = "processor seconds, those of all threads,"
) -> argparse.ArgumentParser:
    """The flags of every training; `about` is its module's docstring, `unit` what its clock counts."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--budget-seconds", type=float, default=budget_seconds, help=f"{unit} over all runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=threads)
    return parser


def seeded(flags: argparse.Namespace) -> torch.Generator:
    """Seed torch and limit its threads as the flags say; returns a generator with the same seed."""
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    return torch.Generator().manual_seed(flags.seed)


def averaging(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the model's weights."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))


class Training:
    """What is learned, how far it came, and when it is kept.

    The checkpoint is this machine's newest, else the shipped one; that has no optimiser's state, so the budget begins
    anew from its weights, and what it took is remembered as `earlier`.

    Attributes:
        budget: the time that is spent.
        step: steps made, in all runs.
        begins_fresh: whether there was no checkpoint at all.
        earlier: seconds and steps of the shipped weights that it began from.
    """

    def __init__(
        self,
        shelf: Shelf,
        name: str,
        learns: Mapping[str, nn.Module],
        optimiser: torch.optim.Optimizer,
        flags: argparse.Namespace,
        generator: torch.Generator,
        *,
        checkpoint_seconds: float = 60,
        marks: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """Take the checkpoint `name` back, should there be one.

        `learns`: modules by their names in the checkpoint; one named "average" follows "model". `optimiser`: its own rate
        is the largest. `generator` goes on from the steps that were made. `marks`: what is kept with the weights; a
        checkpoint with other marks gives its weights alone.
        """
        self._path = shelf.runs / name
        self._learns, self._optimiser = learns, optimiser
        self._checkpoint_seconds = checkpoint_seconds
        self._marks = dict(marks or {})
        self.step = 0
        self.earlier: dict[str, float] = {"spent": 0.0, "step": 0}
        before = shelf.newest(name)
        self.begins_fresh = before is None
        spent = 0.0 if before is None else self._resume(torch.load(before))
        generator.manual_seed(generator.initial_seed() + self.step)
        self.budget = Budget(flags.budget_seconds, spent, clock)
        self._kept_at = self.budget.elapsed

    def goes_on(self) -> bool:
        """Whether there is time for another step; sets its learning rate."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.budget.rate(self._optimiser.defaults["lr"])
        return self.budget.progress < 1

    def descend(self, loss: Tensor, cut: Iterable[nn.Parameter] | None = None) -> None:
        """One step against the gradient of `loss`; of `cut`, by default of all that learns, the gradient is cut."""
        everything = [parameter for group in self._optimiser.param_groups for parameter in group["params"]]
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(everything if cut is None else cut, LARGEST_GRADIENT)
        self._optimiser.step()
        if isinstance(average := self._learns.get("average"), AveragedModel):
            average.update_parameters(self._learns["model"])
        self.step += 1

    def is_at(self, every: int) -> bool:
        """Whether the number of steps is a multiple of `every`: time for a line of the log."""
        return self.step % every == 0

    def say(self, line: str) -> None:
        """Print a line of the log."""
        print(f"{self.budget.elapsed:6.0f}s step {self.step} {line}", flush=True)

    def is_due(self) -> bool:
        """Whether it is time for a checkpoint: every so many seconds, and at the end."""
        return self.budget.elapsed - self._kept_at > self._checkpoint_seconds or self.budget.progress >= 1

    def keep(self) -> None:
        """Write a checkpoint."""
        self._kept_at = self.budget.elapsed
        save_checkpoint(
            self._path, **{name: module.state_dict() for name, module in self._learns.items()}, **self._marks,
            optimiser=self._optimiser.state_dict(), spent=self._kept_at, step=self.step, earlier=self.earlier,
        )

    def keep_if_due(self) -> bool:
        """Write a checkpoint when it is time; returns whether it was."""
        due = self.is_due()
        if due:
            self.keep()
        return due

    def _resume(self, kept: dict[str, Any]) -> float:
        """Take back what a checkpoint has; returns the seconds that were spent on this optimiser."""
        for name, module in self._learns.items():
            # Of a model with an average only that is shipped.
            is_left_out = name == "model" and name not in kept
            module.load_state_dict(averaged(kept) if is_left_out else kept[name])
        if "optimiser" not in kept or any(kept.get(name) != mark for name, mark in self._marks.items()):
            self.earlier = spent_in_all(kept)
            return 0.0
        self._optimiser.load_state_dict(kept["optimiser"])
        self.step = kept["step"]
        self.earlier = kept.get("earlier", self.earlier)
        return float(kept["spent"])


class Alarm:
    """Goes off once every so many seconds of a training, and at its end."""

    def __init__(self, training: Training, seconds: float) -> None:
        self._budget, self._seconds = training.budget, seconds
        self._rang_at = self._budget.elapsed

    def rings(self) -> bool:
        """Whether it is time."""
        if self._budget.elapsed - self._rang_at <= self._seconds and self._budget.progress < 1:
            return False
        self._rang_at = self._budget.elapsed
        return True
