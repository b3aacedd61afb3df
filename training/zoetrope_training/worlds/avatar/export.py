"""Write `models/avatar` from the checkpoints of the autoencoder, the model, its compressor and the probe.

Run: `training/run avatar export`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...export import Json, Package, Start, write_graph, write_manifest
from ...parity import check
from . import SHELF
from .canvas import MOTION, SIZE, at_rest
from .compressor import GROUP, compressor_graph, load_compressor
from .graphs import avatar_graphs, face_check_graph, shapes_of
from .identity import BEARDS, COLLARS, GLASSES, HAIR_STYLES, IDENTITY, STYLES, random_identities
from .listening import FEATURES, FRAME_RATE, LOOK_AHEAD, SAMPLES, WINDOW
from .model import SIGMAS, STEPS, load_world
from .motion import EXPRESSIONS
from .probe import load_probe
from .render import render
from .train_autoencoder import load_autoencoder
from .truth import write_truth
from .voices import SAMPLE_RATE

PACKAGE = Path(__file__).resolve().parents[4] / "models" / "avatar"
CAST: tuple[tuple[str, str, dict[str, str], int], ...] = (
    ("june", "June", {"hair_style": "bun", "glasses": "none", "beard": "none", "style": "ink", "collar": "hood"}, 69),
    ("nora", "Nora", {"hair_style": "long", "glasses": "round", "beard": "none", "style": "soft", "collar": "crew"}, 228),
    ("amir", "Amir", {"hair_style": "short", "glasses": "none", "beard": "full", "style": "soft", "collar": "open"}, 206),
    ("ada", "Ada", {"hair_style": "curly", "glasses": "none", "beard": "none", "style": "soft", "collar": "open"}, 128),
    ("theo", "Theo", {"hair_style": "parted", "glasses": "square", "beard": "none", "style": "cel", "collar": "crew"}, 96),
    ("otto", "Otto", {"hair_style": "bald", "glasses": "round", "beard": "moustache", "style": "ink", "collar": "open"}, 162),
)
"""Id, title, kinds, and the seed of everything else of the default characters; the first is the default."""
COVER_SCALE = 4
FILES = ("autoencoder.pt", "speech.pt", "world.pt", "compressor.pt", "probe.pt")

CONTROLS: list[Json] = [
    {
        "name": "expression", "kind": "choice", "title": "Expression", "merge": "latest", "default": EXPRESSIONS[0],
        "options": list(EXPRESSIONS), "bindings": {"keyboard": ["Digit1", "Digit2", "Digit3", "Digit4"]},
    },
    {"name": "energy", "kind": "axis", "title": "Energy", "merge": "latest", "range": [0, 1], "default": 0.5},
]


def package(extra_files: list[str], compressors: dict[str, str]) -> Package:
    """What the manifest says beyond shapes."""
    return Package(
        id="avatar",
        title="Somebody Who Speaks",
        description="A picture and a voice go in, a face that speaks comes out: in step, blinking and breathing, for as long as you like.",
        licence="MIT",
        prediction="x0",
        solver="euler",
        sigmas={str(STEPS): list(SIGMAS[:STEPS])},
        default_steps=STEPS,
        controls=CONTROLS,
        starts=[Start(name, title, f"starts/{name}.png") for name, title, *_ in CAST],
        height=SIZE,
        width=SIZE,
        frame_rate=FRAME_RATE,
        scaling="smooth",
        cover="cover.png",
        commit="per-step",
        extra_files=extra_files,
        provider={"intraOpThreads": 1},
        positions="clamped",
        group_frames=GROUP,
        extra_graphs=compressors,
        speech={
            "sampleRate": SAMPLE_RATE, "samplesPerFrame": SAMPLES, "windowFrames": WINDOW, "lookAheadFrames": LOOK_AHEAD,
            "features": FEATURES,
        },
        reference=True,
    )


def cast() -> tuple[Tensor, Tensor]:
    """The default characters, and how they hold themselves: a slight smile, straight ahead."""
    words = {"hair_style": HAIR_STYLES, "glasses": GLASSES, "beard": BEARDS, "style": STYLES, "collar": COLLARS}
    rows = []
    for _, _, kinds, seed in CAST:
        row = random_identities(1, torch.Generator().manual_seed(seed))
        for name, word in kinds.items():
            row[:, IDENTITY.at(name)] = words[name].index(word)
        rows.append(row)
    pose = at_rest(len(CAST))
    pose[:, MOTION.at("smile")] = 0.35
    return torch.cat(rows), pose


def draw_starts() -> None:
    """The default characters' pictures and the cover."""
    pictures = (render(*cast()) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    (PACKAGE / "starts").mkdir(parents=True, exist_ok=True)
    for (name, *_), picture in zip(CAST, pictures, strict=True):
        Image.fromarray(picture).save(PACKAGE / "starts" / f"{name}.png", optimize=True)
    side = SIZE * COVER_SCALE
    Image.fromarray(pictures[0]).resize((side, side), Image.Resampling.BICUBIC).save(PACKAGE / "cover.png", optimize=True)


def main() -> None:
    """Export, write the manifest, and check every graph against PyTorch."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    autoencoder, model = load_autoencoder(), load_world()
    for name in FILES:
        SHELF.ship(name)
    PACKAGE.mkdir(parents=True, exist_ok=True)
    draw_starts()
    graphs = [*avatar_graphs(model, autoencoder), face_check_graph(load_probe())]
    compressor = compressor_graph(load_compressor(model.config), model.config)
    for graph in [*graphs, compressor]:
        write_graph(graph, PACKAGE)
    truth = [f"truth/{name}" for name in write_truth(PACKAGE / "truth")]
    write_manifest(PACKAGE, package(truth, {compressor.role: compressor.file}), shapes_of(model.config), graphs)
    print(check([*graphs, compressor], PACKAGE))


if __name__ == "__main__":
    main()
