"""Teach the decoder of `avatar` to draw from what the model makes, whose latents are softer than true ones.

Run: `training/run avatar finish --budget-seconds 300`, after the world model.

People are planned, drawn and made anew for every step; some of the latents are true ones, so that these are still drawn as
well. Latents stay what they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...autoencoder import Autoencoder, blur, reconstruction_loss
from ...budget import save_checkpoint
from ...training import Training, seeded, training_flags
from . import SHELF
from .clips import FRAMES
from .data import Listener, draw, plan
from .model import SIGMAS, AvatarModel, load_world
from .motion import couple
from .render import attention
from .room import recorded
from .speech import tapes
from .train_autoencoder import CONFIG, FACE_WEIGHT, SMOOTH, psnr, survey

PEOPLE, SHOWN = 4, 4
"""People of a step, and how many frames of each are drawn."""
TRUE_SHARE = 0.25
"""Share of pictures whose latents are true ones."""
PEAK_RATE = 1e-3


@torch.no_grad()
def sitting(model: AvatarModel, autoencoder: Autoencoder, listener: Listener, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Latents that were made, or some true ones, with the true pictures [n, 3, h, w] and what their pixels count [n, 1, h, w]."""
    planned = plan(PEOPLE, FRAMES, listener, generator)
    reference = autoencoder.encoder.continuous(draw(planned.who, planned.reference).float() / 255)
    features = model.speech.forward_clip(recorded(planned.pcm, generator))
    noise = couple(torch.randn(PEOPLE, FRAMES, *reference.shape[1:], generator=generator), planned.dice)
    shown = torch.stack([torch.randperm(FRAMES - 8, generator=generator)[:SHOWN] + 8 for _ in range(PEOPLE)])
    made, _ = model(noise, SIGMAS[0], reference, features, planned.control, shown)
    pose = planned.motion[torch.arange(PEOPLE)[:, None], shown].flatten(0, 1)
    who = planned.who[:, None].expand(-1, SHOWN, -1).flatten(0, 1)
    picture = draw(who, pose).float() / 255
    true = blur(autoencoder.encoder.continuous(picture), SMOOTH)
    kept = torch.rand(len(true), 1, 1, 1, generator=generator) < TRUE_SHARE
    weight = 1 + FACE_WEIGHT * attention(who, pose)
    return torch.where(kept, true, made.flatten(0, 1)).clamp(-1, 1), picture, weight[:, None]


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=300).parse_args()
    seeded(flags)
    generator = torch.Generator().manual_seed(flags.seed + 1)
    path = SHELF.runs / "autoencoder.pt"
    kept = torch.load(SHELF.find(path.name, "run `training/run avatar autoencoder` first"))
    autoencoder = Autoencoder(CONFIG)
    autoencoder.load_state_dict(kept["model"])
    model, listener = load_world().requires_grad_(False), Listener(tapes(held_out=False), generator)
    optimiser = torch.optim.AdamW(autoencoder.decoder.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    training = Training(SHELF, "finish.pt", {}, optimiser, flags, generator)

    while training.goes_on():
        latent, picture, weight = sitting(model, autoencoder, listener, generator)
        output = autoencoder.decoder(latent)
        loss = reconstruction_loss(output, picture, weight)
        training.descend(loss)
        if training.is_at(20):
            training.say(f"loss {loss.item():.4f} psnr {psnr(output.detach(), picture):.2f}")
        if training.keep_if_due():
            save_checkpoint(path, **(kept | {"model": autoencoder.state_dict()}))
            training.say(f"true latents of held-out heads {survey(autoencoder):.2f} dB")


if __name__ == "__main__":
    main()
