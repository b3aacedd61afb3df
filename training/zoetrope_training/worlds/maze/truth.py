"""The truth of `maze` as ONNX graphs, so that anything can score pictures with the very same rules.

`render.onnx` draws a state, `rules.onnx` advances it, `probe.onnx` reads room and player back, `dice.onnx` says what
room a block's first noise describes, `player.onnx` walks to a door; `truth.json` says what the numbers mean.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from . import rules
from .dice import CHANNELS, THRESHOLD, random_worlds, rooms_of
from .play import KEYS, begin, heading, paces_to
from .probe import CHANCE, DAMAGE, read
from .render import render_rooms
from .rules import ROW, SIDE, State

OPSET = 17


class RenderGraph(nn.Module):
    """row [1, ROW] and state [1, 4] to rgb, uint8 [1, SIZE, SIZE, 3]."""

    def forward(self, row: Tensor, state: Tensor) -> Tensor:
        """Draw."""
        picture = render_rooms(row.round().long(), State.unstack(state))
        return (picture * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class RulesGraph(nn.Module):
    """row [1, ROW] of the room the player is in, state [1, 4] and control [1, 4] to the next state [1, 4]."""

    def forward(self, row: Tensor, state: Tensor, control: Tensor) -> Tensor:
        """Advance."""
        world = row.round().long()[:, None].expand(-1, rules.ROOMS, -1)
        return rules.step(world, State.unstack(state), control).stack()


class ProbeGraph(nn.Module):
    """rgb, uint8 [1, SIZE, SIZE, 3], to row [1, ROW], state [1, 4], present [1] and damage [1]."""

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Read."""
        reading = read(rgb.permute(0, 3, 1, 2).float() / 255)
        return reading.row.float(), reading.state.stack(), reading.present.float(), reading.damage


class DiceGraph(nn.Module):
    """noise [1, CHANNELS, SIDE, SIDE] to row [1, ROW]."""

    def forward(self, noise: Tensor) -> Tensor:
        """Look."""
        return rooms_of(noise).float()


class PlayerGraph(nn.Module):
    """row [1, ROW], state [1, 4] and direction [1] to the control [1, 4] of a player who walks to that door."""

    def forward(self, row: Tensor, state: Tensor, direction: Tensor) -> Tensor:
        """Choose keys."""
        now, goal = State.unstack(state), direction.round().long()
        paces = paces_to(rules.free_places(row.round().long(), now.room), goal)
        return KEYS[heading(paces, now, goal, torch.zeros(1, 4))]


GRAPHS: dict[str, tuple[list[str], list[str]]] = {
    "render": (["row", "state"], ["rgb"]),
    "rules": (["row", "state", "control"], ["next"]),
    "probe": (["rgb"], ["row", "state", "present", "damage"]),
    "dice": (["noise"], ["row"]),
    "player": (["row", "state", "direction"], ["control"]),
}
"""Inputs and outputs of each graph."""


def describe() -> dict[str, object]:
    """What `truth.json` holds."""
    return {
        "format": "zoetrope.truth/1",
        "state": {
            "dtype": "float32",
            "fields": list(rules.STATE_FIELDS),
            "units": {
                "room": f"0 to {rules.ROOMS - 1}, along the rows of a map of {rules.MAP} x {rules.MAP}",
                "x": f"pixels, left edge of the player's {rules.BODY} x {rules.BODY} box", "y": "pixels, its top edge",
                "facing": "index into directions",
            },
        },
        "row": {
            "dtype": "float32",
            "length": ROW,
            "hue": {"index": 0, "values": rules.HUES},
            "pattern": {"index": 1, "values": rules.PATTERNS},
            "wall": {"index": 2, "values": rules.WALLS},
            "things": {
                "first": rules.THINGS, "side": rules.INNER, "nothing": rules.NOTHING,
                "value": f"kind * {rules.COLOURS} + colour", "kinds": rules.KINDS, "colours": rules.COLOURS,
            },
        },
        "chance": CHANCE,
        "control": list(rules.CONTROLS),
        "directions": list(rules.DIRECTIONS),
        "pace": rules.UNIT,
        "dice": {
            "threshold": THRESHOLD,
            "rule": "a room entered for the first time looks as the first noise of its block says (dice.onnx): sums over "
            "the top and bottom row of tiles, by channel, roll hue (0 to 7) and pattern (8 to 11); sums over the left and "
            "right column roll the wall (0 to 3); a tile whose mean over channels times the root of their number is above "
            "the threshold holds a thing, its kind the largest of channels 0 to 5, its colour that of 6 to 11",
        },
        "graphs": {
            name: {"file": f"{name}.onnx", "inputs": inputs, "outputs": outputs} for name, (inputs, outputs) in GRAPHS.items()
        },
        "damageLimit": DAMAGE,
    }


def write_truth(directory: Path) -> list[str]:
    """Write the graphs and `truth.json` into `directory`; returns their names."""
    directory.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    world = random_worlds(1, generator)
    state = begin(world, generator)
    row = rules.room_of(world, state.room).float()
    control, direction = torch.tensor([[0.0, 1.0, 0.0, 0.0]]), torch.tensor([2.0])
    modules = {
        "render": (RenderGraph(), (row, state.stack())),
        "rules": (RulesGraph(), (row, state.stack(), control)),
        "probe": (ProbeGraph(), (RenderGraph()(row, state.stack()),)),
        "dice": (DiceGraph(), (torch.randn(1, CHANNELS, SIDE, SIDE, generator=generator),)),
        "player": (PlayerGraph(), (row, state.stack(), direction)),
    }
    for name, (module, inputs) in modules.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), inputs, str(directory / f"{name}.onnx"), dynamo=False, opset_version=OPSET,
                input_names=GRAPHS[name][0], output_names=GRAPHS[name][1],
            )
    (directory / "truth.json").write_text(json.dumps(describe(), indent=2) + "\n")
    return [*(f"{name}.onnx" for name in GRAPHS), "truth.json"]
