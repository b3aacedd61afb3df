"""People and voices held out, as files that a server can be given: what `bench avatar` plays.

Run: `training/run avatar audition --folder FOLDER --people 4 --seconds 12`

Writes for each a picture (`0.png`), what they say (`0.wav`, 16 kHz, mono) and, into `audition.json`, how far their mouth is
open in the middle of every frame: in truth, and as the probe reads it from true pictures.
"""

from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path

import torch
from PIL import Image

from .data import Listener, draw, plan
from .evaluate import readings
from .listening import FRAME_RATE, LOOK_AHEAD, SAMPLES, WINDOW
from .probe import READS, load_probe, motion_of
from .speech import tapes
from .voices import SAMPLE_RATE

OPENING = READS.index("opening")


@torch.no_grad()
def main() -> None:
    """Write everything into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=9)
    flags = parser.parse_args()
    flags.folder.mkdir(parents=True, exist_ok=True)
    generator, frames = torch.Generator().manual_seed(flags.seed), flags.seconds * FRAME_RATE
    listener = Listener(tapes(held_out=True), generator)
    # The first frame of a plan is the reference itself.
    planned = plan(flags.people, frames + 1, lambda *about, **more: listener(*about, **more, silent=0.0), generator, held_out=True, warp=0.0)  # type: ignore[arg-type]
    own = (1 + WINDOW - 1 - LOOK_AHEAD) * SAMPLES
    probe, people = load_probe(), []
    for one in range(flags.people):
        motion = planned.motion[one, 1:]
        true = draw(planned.who[one].expand(frames, -1), motion).float() / 255
        picture = draw(planned.who[one : one + 1], planned.reference[one : one + 1])[0]
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(flags.folder / f"{one}.png")
        with wave.open(str(flags.folder / f"{one}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((planned.pcm[one, own : own + frames * SAMPLES].clamp(-1, 1) * 32767).short().numpy().tobytes())
        people.append({
            "picture": f"{one}.png", "sound": f"{one}.wav",
            "opening": motion_of(motion)[:, OPENING].tolist(), "readFromTruth": readings(probe, true[None])[0][0, :, OPENING].tolist(),
        })
    (flags.folder / "audition.json").write_text(json.dumps({"frameRate": FRAME_RATE, "people": people}))


if __name__ == "__main__":
    main()
