"""Write `models/rooms` from the checkpoints of the autoencoder and the world model.

Run: `training/run rooms export`, after `training/run rooms evaluate`, whose figures the model card shows.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch
from PIL import Image

from ...export import Json, Package, Start, write_package
from ...parity import check
from . import SHELF
from .card import write_card
from .codec import load_codec
from .level import TRAINING_LEVELS, make_level
from .play import make_world
from .render import PICTURE, render
from .world import DEFAULT_STEPS, SIGMAS, load_world

PACKAGE = Path(__file__).resolve().parents[4] / "models" / "rooms"
NOTICE = Path(__file__).with_name("NOTICE")
STARTS = (
    ("moss", "Mossy court", 0, 11.5, 10.5, 0.55),
    ("blue", "Blue windows", 0, 1.5, 11.5, 0.95),
    ("red", "Red hall", 0, 10.5, 1.5, 0.25),
    ("bookcase", "The bookcase", 1, 1.5, 11.5, 0.85),
    ("checker", "Checkered hall", 1, 10.5, 11.5, 0.7),
)
"""Id, title, level, x, y in cells, yaw in turns."""
COVER, COVER_SCALE = "moss", 6


def button(name: str, title: str, keyboard: list[str], gamepad: list[str], touch: str) -> Json:
    """A held key."""
    bindings = {"keyboard": keyboard, "gamepad": gamepad, "touch": touch}
    return {"name": name, "kind": "button", "title": title, "merge": "hold", "default": 0, "bindings": bindings}


CONTROLS = [
    button("forward", "Walk", ["ArrowUp", "KeyW"], ["dpad-up", "stick-up"], "up"),
    button("back", "Step back", ["ArrowDown", "KeyS"], ["dpad-down", "stick-down"], "down"),
    button("left", "Turn left", ["ArrowLeft", "KeyA"], ["dpad-left", "stick-left"], "left"),
    button("right", "Turn right", ["ArrowRight", "KeyD"], ["dpad-right", "stick-right"], "right"),
]
"""In the order of `rules.KEYS`."""


def package() -> Package:
    """What the manifest says beyond shapes."""
    return Package(
        id="rooms",
        title="Rooms",
        description="Walk through a few textured rooms. Everything you see is made up frame by frame, and it forgets.",
        licence="MIT; textures from Freedoom (BSD-3-Clause, see NOTICE)",
        prediction="x0",
        solver="euler",
        sigmas={str(steps): list(sigmas) for steps, sigmas in SIGMAS.items()},
        default_steps=DEFAULT_STEPS,
        controls=CONTROLS,
        starts=[Start(name, title, f"starts/{name}.png") for name, title, *_ in STARTS],
        height=PICTURE,
        width=PICTURE,
        cover="cover.png",
        extra_files=["NOTICE", "quality.json"],
    )


def draw_starts(directory: Path) -> None:
    """True pictures to start from, and the cover."""
    world = make_world([make_level(seed) for seed in TRAINING_LEVELS])
    which = torch.tensor([level for _, _, level, *_ in STARTS])
    pose = torch.tensor([(x, y, turns * math.tau) for *_, x, y, turns in STARTS])
    pictures = (render(world.maps, which, pose) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    (directory / "starts").mkdir(parents=True, exist_ok=True)
    for (name, *_), picture in zip(STARTS, pictures, strict=True):
        image = Image.fromarray(picture)
        image.save(directory / "starts" / f"{name}.png", optimize=True)
        if name == COVER:
            side = PICTURE * COVER_SCALE
            image.resize((side, side), Image.Resampling.NEAREST).save(directory / "cover.png", optimize=True)


def main() -> None:
    """Export, write the manifest, and check every graph against PyTorch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, default=PACKAGE, help="the folder to write; needs its quality.json")
    flags = parser.parse_args()
    for name in ("autoencoder.pt", "world.pt"):
        SHELF.ship(name)
    draw_starts(flags.package)
    quality = json.loads((flags.package / "quality.json").read_text())
    (flags.package / "NOTICE").write_text(NOTICE.read_text())
    write_card(flags.package / "MODEL_CARD.md", quality)
    model, codec = load_world(), load_codec()
    written = write_package(flags.package, package(), model, codec)
    print(check(written, flags.package))


if __name__ == "__main__":
    main()
