"""Teach the decoder of `avatar` to draw from what the model makes, whose latents are softer than true ones.

Run: `training/run avatar finish --budget-seconds 300`, after the world model.

People are planned, drawn and made anew for every step; some of the latents are true ones, so that these are still drawn as
well. Latents stay what they are.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from ...autoencoder import Autoencoder, blur, reconstruction_loss
from ...budget import Budget, save_checkpoint
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
CHECKPOINT_SECONDS = 60


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget-seconds", type=float, help="processor seconds, those of all threads", default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    generator = torch.Generator().manual_seed(flags.seed + 1)
    path = SHELF.runs / "autoencoder.pt"
    kept = torch.load(SHELF.find(path.name, "run `training/run avatar autoencoder` first"))
    autoencoder = Autoencoder(CONFIG)
    autoencoder.load_state_dict(kept["model"])
    model, listener = load_world().requires_grad_(False), Listener(tapes(held_out=False), generator)
    trained = autoencoder.decoder
    optimiser = torch.optim.AdamW(trained.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    state, spent, step = SHELF.runs / "finish.pt", 0.0, 0
    if state.exists():
        before = torch.load(state)
        optimiser.load_state_dict(before["optimiser"])
        spent, step = before["spent"], before["step"]
        generator.manual_seed(flags.seed + 1 + step)
    budget = Budget(flags.budget_seconds, spent, time.process_time)
    saved = budget.elapsed

    while budget.progress < 1:
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        latent, picture, weight = sitting(model, autoencoder, listener, generator)
        output = autoencoder.decoder(latent)
        loss = reconstruction_loss(output, picture, weight)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 20 == 0:
            print(f"{budget.elapsed:6.0f}s step {step} loss {loss.item():.4f} psnr {psnr(output.detach(), picture):.2f}", flush=True)
        if budget.elapsed - saved > CHECKPOINT_SECONDS or budget.progress >= 1:
            saved = budget.elapsed
            save_checkpoint(path, **(kept | {"model": autoencoder.state_dict()}))
            save_checkpoint(state, optimiser=optimiser.state_dict(), spent=saved, step=step)
            print(f"{budget.elapsed:6.0f}s step {step} true latents of held-out heads {survey(autoencoder):.2f} dB", flush=True)


if __name__ == "__main__":
    main()
