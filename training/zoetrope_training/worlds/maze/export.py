"""Write `models/world-maze` from the checkpoints of the autoencoder, the world model and its compressors.

Run: `training/run maze export`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from .tiles import TileAutoencoder
from ...export import Json, Package, Start, write_graph, write_package
from ...graphs import Graph
from ...parity import check
from . import SHELF, rules
from .compressor import Compressor
from .dice import random_worlds
from .evaluate import THRESHOLD
from .model import CONFIG, load_world
from .play import begin
from .render import render
from .train_autoencoder import load_autoencoder
from .train_compressor import GROUP, load_compressors
from .truth import write_truth

PACKAGE = Path(__file__).resolve().parents[4] / "models" / "world-maze"
STARTS = (("meadow", "Meadow"), ("harbour", "Harbour"), ("attic", "Attic"), ("garden", "Garden"))
START_SEED = 11
COVER_SCALE = 4
MOST_SLOTS = 65_536
MEMORY_SLOTS = 512
"""Slots of memory a session has in each layer unless it chooses otherwise."""
COMPRESSORS = {"temporal": ("compressor", "compressor.onnx"), "raster": ("compressorRaster", "compressor-raster.onnx")}
"""Role and file of each compressor's graph."""


class LevelCodec(nn.Module):
    """The autoencoder as the exporter wants it."""

    def __init__(self, model: TileAutoencoder) -> None:
        super().__init__()
        self.model = model

    def encode(self, image: Tensor) -> Tensor:
        """Pictures to latents on the grid."""
        return self.model.encoder(image)

    def decode(self, latent: Tensor) -> Tensor:
        """Latents to pictures."""
        return self.model.decoder(latent)


class CompressorGraph(nn.Module):
    """Keys and values of a group, [layers, heads, GROUP * T, head_dim], to those of one frame, [layers, heads, T, head_dim]."""

    def __init__(self, model: Compressor) -> None:
        super().__init__()
        self.model = model

    def forward(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Fold."""
        key, value = self.model(key[:, None], value[:, None])
        return key[:, 0], value[:, 0]


def compressor_graphs(compressors: nn.ModuleDict) -> list[Graph]:
    """Both compressors with example inputs."""
    config, generator = CONFIG.world.transformer, torch.Generator().manual_seed(3)
    shape = (config.layers, config.heads, GROUP * CONFIG.world.tokens_per_frame, config.head_dim)
    inputs = {name: torch.randn(*shape, generator=generator) for name in ("group_key", "group_value")}
    return [
        Graph(role, file, CompressorGraph(compressors[name]), inputs, ("key", "value"))
        for name, (role, file) in COMPRESSORS.items()
    ]


def button(name: str, title: str, keyboard: list[str], gamepad: list[str], touch: str) -> Json:
    """A held key."""
    bindings = {"keyboard": keyboard, "gamepad": gamepad, "touch": touch}
    return {"name": name, "kind": "button", "title": title, "merge": "hold", "default": 0, "bindings": bindings}


CONTROLS = [
    button("left", "Left", ["ArrowLeft", "KeyA"], ["dpad-left", "stick-left"], "left"),
    button("right", "Right", ["ArrowRight", "KeyD"], ["dpad-right", "stick-right"], "right"),
    button("up", "Up", ["ArrowUp", "KeyW"], ["dpad-up", "stick-up"], "up"),
    button("down", "Down", ["ArrowDown", "KeyS"], ["dpad-down", "stick-down"], "down"),
]


def package(levels: int, extra_files: list[str]) -> Package:
    """What the manifest says beyond shapes."""
    return Package(
        id="world-maze",
        title="Rooms Remembered",
        description="Sixteen rooms, made up as you first enter them. Only the cache knows what is behind you: go back and see.",
        licence="MIT",
        prediction="x0",
        solver="euler",
        sigmas={"1": [1], "2": [1, 0.5], "3": [1, 0.66, 0.33], "4": [1, 0.75, 0.5, 0.25]},
        default_steps=2,
        controls=CONTROLS,
        starts=[Start(name, title, f"starts/{name}.png") for name, title in STARTS],
        height=rules.SIZE,
        width=rules.SIZE,
        cover="cover.png",
        quantiser={"kind": "fsq", "levels": levels},
        extra_files=extra_files,
        positions="clamped",
        most_slots=MOST_SLOTS,
        queries=True,
        group_frames=GROUP,
        cache_policy={"name": "tempcache", "memorySlots": MEMORY_SLOTS, "threshold": THRESHOLD},
        extra_graphs=dict(COMPRESSORS.values()),
        provider={"intraOpThreads": 1},
    )


def draw_starts() -> None:
    """First pictures in the middle of the map, and the cover."""
    generator = torch.Generator().manual_seed(START_SEED)
    world = random_worlds(64, generator)
    state = begin(world, generator)
    pictures = (render(world, state) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    stands = (rules.room_of(world, state.room)[:, rules.THINGS :] != rules.NOTHING).sum(1)
    middle = ((state.room == 5) | (state.room == 6) | (state.room == 9) | (state.room == 10)) & (stands >= 2) & (stands <= 4)
    (PACKAGE / "starts").mkdir(parents=True, exist_ok=True)
    chosen = middle.nonzero()[:, 0].tolist()
    for index, (name, _) in zip(chosen, STARTS, strict=False):
        Image.fromarray(pictures[index]).save(PACKAGE / "starts" / f"{name}.png", optimize=True)
    side = rules.SIZE * COVER_SCALE
    first = Image.fromarray(pictures[chosen[0]])
    first.resize((side, side), Image.Resampling.NEAREST).save(PACKAGE / "cover.png", optimize=True)


def main() -> None:
    """Export, write the manifest, and check every graph against PyTorch."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    autoencoder, model, compressors = load_autoencoder(), load_world(), load_compressors()
    for name in ("autoencoder.pt", "world.pt", "compressor.pt"):
        SHELF.ship(name)
    PACKAGE.mkdir(parents=True, exist_ok=True)
    draw_starts()
    folds = compressor_graphs(compressors)
    for graph in folds:
        write_graph(graph, PACKAGE)
    truth = [f"truth/{name}" for name in write_truth(PACKAGE / "truth")]
    graphs = write_package(PACKAGE, package(model.levels, truth), model, LevelCodec(autoencoder))
    print(check([*graphs, *folds], PACKAGE))


if __name__ == "__main__":
    main()
