"""Write `models/arcade` from the checkpoints of the autoencoder and the world model.

Run: `training/run arcade export`
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ...autoencoder import Autoencoder, Decoder
from ...calibration import Feeds, record
from ...checkpoints import averaged
from ...equalise import equalise, even_denoiser
from ...export import Json, Package, Start, shapes_of, write_graph, write_manifest, write_package
from ...graphs import Graph
from ...level_model import LevelDenoiser, LevelModelConfig, LevelWorldModel
from ...parity import check
from ...quantise import quantise_graph
from . import SHELF, rules
from .data import RENDER_BATCH
from .render import render
from .train_world import load_autoencoder
from .truth import write_truth

PACKAGE = Path(__file__).resolve().parents[4] / "models" / "arcade"
STARTS = (("dawn", "Dawn"), ("day", "Day"), ("dusk", "Dusk"), ("night", "Night"))
COVER_SCALE = 4

IN_INT8 = {"denoiser": ("last",), "decoder": ("to_fine", "last")}
"""Roles that run in int8, each with the layers that stay float32: what they answer with is not rounded again."""
CALIBRATION_BLOCKS, CALIBRATION_EVERY = 120, 20
"""Blocks played from each start with each step count, and which of them ranges are taken from."""


class LevelCodec(nn.Module):
    """The autoencoder as the exporter wants it."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def encode(self, image: Tensor) -> Tensor:
        """Pictures to latents on the grid."""
        return self.model.encoder(image)

    def decode(self, latent: Tensor) -> Tensor:
        """Latents to pictures."""
        return self.model.decoder(latent)


def button(name: str, title: str, keyboard: list[str], gamepad: list[str], touch: str) -> Json:
    """A held key."""
    bindings = {"keyboard": keyboard, "gamepad": gamepad, "touch": touch}
    return {"name": name, "kind": "button", "title": title, "merge": "hold", "default": 0, "bindings": bindings}


CONTROLS = [
    button("left", "Left", ["ArrowLeft", "KeyA"], ["dpad-left", "stick-left"], "left"),
    button("right", "Right", ["ArrowRight", "KeyD"], ["dpad-right", "stick-right"], "right"),
    button("jump", "Jump", ["Space", "ArrowUp", "KeyW"], ["south"], "primary"),
]


def package(levels: int, extra_files: list[str]) -> Package:
    """What the manifest says beyond shapes."""
    return Package(
        id="arcade",
        title="Star Hop",
        description="Run, jump and catch the stars. Six of them turn the light; the slime and the bat cost you one.",
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
        provider={"intraOpThreads": 1},
    )


def draw_starts() -> None:
    """The true first pictures at each light, and the cover."""
    generator = torch.Generator().manual_seed(5)
    state = rules.initial(RENDER_BATCH, generator)
    pictures = (render(state) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    (PACKAGE / "starts").mkdir(parents=True, exist_ok=True)
    for phase, (name, _) in enumerate(STARTS):
        first = int(((state.phase == phase) & (state.counter == phase)).nonzero()[0])
        Image.fromarray(pictures[first]).save(PACKAGE / "starts" / f"{name}.png", optimize=True)
    side = rules.SIZE * COVER_SCALE
    day = Image.open(PACKAGE / "starts" / "day.png")
    day.resize((side, side), Image.Resampling.NEAREST).save(PACKAGE / "cover.png", optimize=True)


def load_world() -> LevelWorldModel:
    """The trained world model's averaged weights, ready to run.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("world.pt", "run `training/run arcade world` first")
    model = LevelWorldModel(LevelModelConfig())
    model.load_state_dict(averaged(torch.load(path)))
    return model.eval()


def write_int8(graphs: list[Graph], decoder: Decoder, denoiser: LevelDenoiser) -> dict[str, str]:
    """Even out the networks and write their int8 graphs beside the exported ones; returns the files by role."""
    starts = [np.asarray(Image.open(PACKAGE / "starts" / f"{name}.png")) for name, _ in STARTS]
    feeds = record(PACKAGE, starts, tuple(IN_INT8), blocks=CALIBRATION_BLOCKS, every=CALIBRATION_EVERY)
    quantised = {graph.role: graph for graph in graphs if graph.role in IN_INT8}
    equalise(decoder, torch.from_numpy(np.concatenate([given["latent"] for given in feeds["decoder"]])))
    even_denoiser(denoiser, lambda: replay(quantised["denoiser"], feeds["denoiser"]))
    files = {role: f"{Path(graph.file).stem}-int8.onnx" for role, graph in quantised.items()}
    with TemporaryDirectory() as directory:
        for role, graph in quantised.items():
            quantise_graph(write_graph(graph, Path(directory)), PACKAGE / files[role], feeds[role], IN_INT8[role])
    return files


def replay(graph: Graph, feeds: list[Feeds]) -> None:
    """Give a graph's module what it was given in play."""
    for given in feeds:
        graph.run({name: torch.from_numpy(values) for name, values in given.items()})


def main() -> None:
    """Export, write the manifest, and check every float32 graph against PyTorch."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    autoencoder, model = load_autoencoder(), load_world()
    for name in ("autoencoder.pt", "world.pt"):
        SHELF.ship(name)
    draw_starts()
    truth = [f"truth/{name}" for name in write_truth(PACKAGE / "truth")]
    described = package(model.levels, truth)
    graphs = write_package(PACKAGE, described, model, LevelCodec(autoencoder))
    print(check(graphs, PACKAGE))
    int8 = write_int8(graphs, autoencoder.decoder, model.denoiser)
    write_manifest(PACKAGE, described, shapes_of(model.config), graphs, int8)


if __name__ == "__main__":
    main()
