"""Teach the transformer of `avatar` how heads are held, from dice, controls and sound, before it has anything to paint.

Run: `training/run avatar motion --budget-seconds 300`

Nothing has to be drawn: of clips only the picture that is known and what is heard are used, and the dice are thrown anew
each time. A painter that is not told the pose learns to blur, so this comes first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...training import Training, seeded, training_flags
from . import SHELF
from .canvas import MOTION
from .clips import Library, fill, latents
from .model import HELD_SCALE, SIGMAS, AvatarModel
from .motion import MOUTH_COLUMNS, couple, perform
from .train_speech import load_speech

BATCH = 8
SHARDS = 12
SUDDEN = {"lids": 4.0, "gaze_x": 4.0, "gaze_y": 4.0}
"""What an error counts more in columns that mostly stand still."""
PEAK_RATE = 2e-3


def load_motion() -> dict[str, Tensor]:
    """Weights of a model as this step left it.

    Raises:
        FileNotFoundError: it never ran.
    """
    path = SHELF.find("motion.pt", "run `training/run avatar motion` first")
    weights: dict[str, Tensor] = torch.load(path)["model"]
    return weights


def lesson(model: AvatarModel, library: Library, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What the model says of how heads are held, and how they are: [B, T, columns of MOTION] each, in units of `HELD_SCALE`."""
    clips = library.draw(BATCH, generator)
    dice = torch.randn(clips.dice.shape, generator=generator)
    moves = perform(dice, clips.control, clips.motion[..., MOUTH_COLUMNS])
    known = latents(clips.reference)[:, None].expand(-1, dice.shape[1], -1, -1, -1)
    with torch.no_grad():
        features = model.speech.forward_clip(clips.pcm.float() / 32767)
    noise = couple(torch.randn(known.shape, generator=generator), dice)
    _, held, _ = model.hold(noise, SIGMAS[0], known, features, clips.control)
    return held[:, 1:, : len(MOTION)], moves[:, 1:] * HELD_SCALE


@torch.no_grad()
def survey(model: AvatarModel, library: Library) -> str:
    """R squared of each column on fresh dice, once the window is full."""
    generator = torch.Generator().manual_seed(6)
    parts = [lesson(model, library, generator) for _ in range(16)]
    said, true = (torch.cat(column)[:, 8:].flatten(0, 1) for column in zip(*parts, strict=True))
    share = 1 - (said - true).square().mean(0) / true.var(0)
    return " ".join(f"{name} {value:.3f}" for name, value in zip(MOTION.names, share.tolist(), strict=True))


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=300, threads=1).parse_args()
    generator = seeded(flags)
    fill(SHARDS, threads=flags.threads)
    library = Library(SHARDS)
    library.refresh()
    model = AvatarModel()
    model.speech.load_state_dict(load_speech().state_dict())
    trained = [value for name, value in model.named_parameters() if not name.startswith(("painter", "speech"))]
    optimiser = torch.optim.AdamW(trained, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    training = Training(SHELF, "motion.pt", {"model": model}, optimiser, flags, generator)
    weight = torch.ones(len(MOTION))
    for name, value in SUDDEN.items():
        weight[MOTION.at(name)] = value

    while training.goes_on():
        said, true = lesson(model, library, generator)
        loss = (weight * (said - true).square()).mean()
        training.descend(loss)
        if training.is_at(25):
            training.say(f"loss {loss.item():.4f}")
        if training.keep_if_due():
            training.say(f"R2 {survey(model, library)}")


if __name__ == "__main__":
    main()
