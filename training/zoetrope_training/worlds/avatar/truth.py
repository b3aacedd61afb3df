"""The truth of `avatar` as ONNX graphs, so that anything can score pictures with the very same rules.

`probe.onnx` reads a head back from a picture, `render.onnx` draws one; `truth.json` says what the numbers mean.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .canvas import MOTION, SIZE
from .identity import IDENTITY, KINDS, random_identities
from .motion import DICE, MEMORY, resting_pose
from .probe import IDENTITY_SIZE, READS, Probe, load_probe, r_squared
from .render import render

OPSET = 17


class RenderGraph(nn.Module):
    """who [1, columns of IDENTITY] and pose [1, columns of MOTION] to rgb, uint8 [1, SIZE, SIZE, 3]."""

    def forward(self, who: Tensor, pose: Tensor) -> Tensor:
        """Draw."""
        return (render(who, pose) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class ProbeGraph(nn.Module):
    """rgb, uint8 [1, SIZE, SIZE, 3], to readings [1, len(READS)] and identity [1, IDENTITY_SIZE]."""

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Read."""
        return self.probe(rgb.permute(0, 3, 1, 2).float() / 255)


def describe(probe: Probe, people: Tensor) -> dict[str, object]:
    """What `truth.json` says."""
    return {
        "format": "zoetrope.truth/1",
        "size": SIZE,
        "probe": {
            "file": "probe.onnx", "inputs": ["rgb"], "outputs": ["readings", "identity"],
            "readings": list(READS), "identity": IDENTITY_SIZE, "rSquared": r_squared(probe),
            "note": "identity has length 1; compare two by their dot product",
        },
        "render": {
            "file": "render.onnx", "inputs": ["who", "pose"], "outputs": ["rgb"],
            "who": list(IDENTITY.names), "kinds": {name: list(words) for name, words in KINDS.items()}, "pose": list(MOTION.names),
        },
        "dice": {
            "names": list(DICE), "memory": MEMORY,
            "rule": "a die is the mean of its latent channel of a frame's first noise, times the square root of its cells",
        },
        "heldOut": [[round(float(value), 5) for value in row] for row in people],
    }


def write_truth(directory: Path) -> list[str]:
    """Write the graphs and `truth.json` into `directory`; returns their names."""
    directory.mkdir(parents=True, exist_ok=True)
    generator, probe = torch.Generator().manual_seed(41), load_probe()
    people = random_identities(16, generator, held_out=True)
    pose = resting_pose(1, generator)
    rgb = RenderGraph()(people[:1], pose)
    graphs = {
        "render.onnx": (RenderGraph(), (people[:1], pose), ["who", "pose"], ["rgb"]),
        "probe.onnx": (ProbeGraph(probe), (rgb,), ["rgb"], ["readings", "identity"]),
    }
    for name, (module, inputs, names, outputs) in graphs.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), inputs, str(directory / name), dynamo=False, opset_version=OPSET,
                input_names=names, output_names=outputs,
            )
    (directory / "truth.json").write_text(json.dumps(describe(probe, people), indent=2) + "\n")
    return [*graphs, "truth.json"]
