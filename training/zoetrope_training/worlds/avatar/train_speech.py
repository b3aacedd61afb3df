"""Train the speech encoder of `avatar`: what a mouth does, from the sound alone, through all sorts of rooms.

Run: `training/run avatar speech --budget-seconds 240`

The world model goes on training it; beginning here costs a twentieth of what it would with pictures to draw.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...training import Training, seeded, training_flags
from . import SHELF
from .data import Listener, Spoken
from .listening import SpeechEncoder, mouth_of
from .room import recorded
from .speech import tapes
from .visemes import MOUTH_SHAPE

STRETCHES, FRAMES = 40, 6
"""Stretches of speech a step hears, and the frames of each."""
WEIGHTS = torch.tensor([4.0, 1.0, 1.0, 0.5, 0.5])
"""What an error counts in each column of a mouth's shape."""
PEAK_RATE = 2e-3


def mouth_loss(features: Tensor, mouth: Tensor) -> Tensor:
    """How far what the features say of the mouth is from the truth; [..., FEATURES], [..., 5]."""
    return (WEIGHTS * (mouth_of(features) - mouth).square()).mean()


def correlation(made: Tensor, true: Tensor) -> float:
    """Pearson's correlation of two tracks, flattened."""
    return float(torch.corrcoef(torch.stack([made.flatten(), true.flatten()]))[0, 1])


def load_speech() -> SpeechEncoder:
    """The speech encoder as this step left it; one with fresh weights where it never ran."""
    encoder = SpeechEncoder()
    if (path := SHELF.newest("speech.pt")) is not None:
        encoder.load_state_dict(torch.load(path)["model"])
    return encoder


@torch.no_grad()
def heard(encoder: SpeechEncoder, spoken: Spoken) -> dict[str, float]:
    """Correlation of each column with the truth."""
    said = mouth_of(encoder.forward_clip(spoken.pcm))
    return {name: round(correlation(said[..., at], spoken.mouth[..., at]), 3) for at, name in enumerate(MOUTH_SHAPE.names)}


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=240).parse_args()
    generator = seeded(flags)
    listener = Listener(tapes(held_out=False), generator)
    tests = Listener(tapes(held_out=True), torch.Generator().manual_seed(9))(48, 25, warp=0.0, silent=0.0)
    encoder = SpeechEncoder()
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.02)
    training = Training(SHELF, "speech.pt", {"model": encoder}, optimiser, flags, generator)

    while training.goes_on():
        spoken = listener(STRETCHES, FRAMES)
        features = encoder.forward_clip(recorded(spoken.pcm, generator))
        loss = mouth_loss(features, spoken.mouth)
        training.descend(loss)
        if training.is_at(50):
            training.say(f"loss {loss.item():.4f}")
        if training.keep_if_due():
            training.say(f"held-out voices, correlation: {heard(encoder, tests)}")


if __name__ == "__main__":
    main()
