"""The truth of `arcade` as ONNX graphs, so that anything can score pictures with the very same rules.

`render.onnx` draws a state, `rules.onnx` advances it, `probe.onnx` reads it back, `player.onnx` plays it;
`truth.json` says what the numbers mean.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from . import rules
from .play import SPOT_CELLS, chase
from .probe import DAMAGE, PARTS, complete, read
from .render import render
from .rules import Control, State

OPSET = 17


class RenderGraph(nn.Module):
    """state [1, 12] to rgb, uint8 [1, 128, 128, 3]."""

    def forward(self, state: Tensor) -> Tensor:
        """Draw."""
        picture = render(State.unstack(state))
        assert isinstance(picture, Tensor)
        return (picture * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class RulesGraph(nn.Module):
    """previous and state [1, 12], control [1, 3], spot [1] to the next state [1, 12]."""

    def forward(self, previous: Tensor, state: Tensor, control: Tensor, spot: Tensor) -> Tensor:
        """Advance; a star that is taken appears next at `spot`."""
        left, right, jump = (control > 0.5).unbind(1)
        dice = (torch.arange(len(rules.SPOTS)) == spot.round().long()[:, None]).float()
        now = complete(State.unstack(previous), State.unstack(state))
        return rules.step(now, Control(left, right, jump), dice).stack()


class ProbeGraph(nn.Module):
    """rgb, uint8 [1, 128, 128, 3], to state [1, 12], present [1, 5] and damage [1]."""

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read."""
        reading = read(rgb.permute(0, 3, 1, 2).float() / 255)
        return reading.state.stack(), reading.present.float(), reading.damage


class PlayerGraph(nn.Module):
    """state [1, 12] to the control [1, 3] of a player who chases the star."""

    def forward(self, state: Tensor) -> Tensor:
        """Choose keys."""
        push, jump = chase(State.unstack(state))
        return torch.stack([push < 0, push > 0, jump], -1).float()


def describe() -> dict[str, object]:
    """What `truth.json` holds."""
    return {
        "format": "zoetrope.truth/1",
        "state": {
            "dtype": "float32",
            "fields": list(rules.STATE_FIELDS),
            "units": {
                "x": "pixels, left edge of the player's 12 x 16 box", "y": "pixels, top edge of that box",
                "vy": "pixels a frame, positive is down; the probe reads only its sign",
                "facing": "-1 left, 1 right", "spot": "index into spots",
                "slime_x": "pixels, left edge", "slime_dir": "-1 or 1", "bat_x": "pixels, left edge",
                "bat_dir": "-1 or 1", "counter": "lit pips, 0 to 5", "phase": "0 dawn, 1 day, 2 dusk, 3 night",
                "fade": "frames until the light is that of `phase`, 0 to 8; 8 looks like the phase before",
            },
        },
        "light": "8 * phase - fade, modulo 32, is equal for states whose light looks the same",
        "control": ["left", "right", "jump"],
        "spots": [list(spot) for spot in rules.SPOTS],
        "spotSize": rules.STAR,
        "dice": {
            "cells": [list(cell) for cell in SPOT_CELLS],
            "rule": "a spot's roll is the mean over channels of the initial noise at its cell [column, row]; the "
            "next star appears at the spot of the largest roll among the others",
        },
        "graphs": {
            "render": {"file": "render.onnx", "inputs": ["state"], "outputs": ["rgb"]},
            "rules": {
                "file": "rules.onnx",
                "inputs": ["previous", "state", "control", "spot"],
                "outputs": ["next"],
                "note": "previous and state may be readings: vertical speed and a fade's start come from the pair",
            },
            "probe": {"file": "probe.onnx", "inputs": ["rgb"], "outputs": ["state", "present", "damage"]},
            "player": {"file": "player.onnx", "inputs": ["state"], "outputs": ["control"]},
        },
        "present": list(PARTS),
        "damageLimit": DAMAGE,
        "tolerance": {"pixels": 1},
    }


def write_truth(directory: Path) -> list[str]:
    """Write the graphs and `truth.json` into `directory`; returns their names."""
    directory.mkdir(parents=True, exist_ok=True)
    state = rules.initial(1, torch.Generator().manual_seed(1)).stack()
    control, spot = torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([3.0])
    rgb = RenderGraph()(state)
    graphs = {
        "render.onnx": (RenderGraph(), (state,), ["state"], ["rgb"]),
        "rules.onnx": (
            RulesGraph(), (state, state, control, spot), ["previous", "state", "control", "spot"], ["next"],
        ),
        "probe.onnx": (ProbeGraph(), (rgb,), ["rgb"], ["state", "present", "damage"]),
        "player.onnx": (PlayerGraph(), (state,), ["state"], ["control"]),
    }
    for name, (module, inputs, names, outputs) in graphs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), inputs, str(directory / name), dynamo=False, opset_version=OPSET,
                input_names=names, output_names=outputs,
            )
    (directory / "truth.json").write_text(json.dumps(describe(), indent=2) + "\n")
    return [*graphs, "truth.json"]
