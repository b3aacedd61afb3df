"""Train the model of `avatar`.

Run: `training/run avatar world --budget-seconds 2700`

With a cache for each step a frame sees of others only their samples at its own noise level. Those of the first step are
noise; those of the second are noise and the first step's answers, which come out in parallel for a whole clip. So every
step is trained on exactly what it will be given, its own first guesses included, and nothing is left to drift.
"""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...training import Alarm, Training, averaging, seeded, training_flags
from . import SHELF
from .clips import Clips, Library, fill, latents
from .data import Listener, draw, plan
from .model import HELD_SCALE, SIGMAS, AvatarModel, begun, denoise_clip, following
from .motion import MOUTH_COLUMNS, couple
from .room import recorded
from .speech import tapes
from .train_autoencoder import decoded, load_autoencoder, psnr
from .train_motion import load_motion
from .train_speech import mouth_loss

BATCH = 4
SECOND_STEP = 0.15
"""Share of training steps that train the second denoising step."""
FACE_WEIGHT = 10.0
"""What a cell in the middle of a mouth or an eye counts more."""
MOUTH_SHARE, HELD_SHARE = 0.3, 0.3
"""What the mouth that features know, and the motion that tokens know, count in the loss."""
UNTOLD = 0.5
"""Share of clips whose first frame has features of 0 instead of what was heard."""
CHANGED = 0.12
"""Share of clips whose reference picture is changed on the way."""
PEAK_RATE = 2e-3
CHECKPOINT_SECONDS = 120
REFRESH_SECONDS = 30
AVERAGE_DECAY = 0.995


def channel_weights() -> Tensor:
    """How much each latent channel shows in pictures, about 1 on average: [C, 1, 1]."""
    linear = load_autoencoder().decoder.linear
    assert linear is not None
    shown = linear.weight.flatten(1).square().sum(0).sqrt()
    return (shown / shown.mean()).sqrt()[:, None, None]


def conditions(model: AvatarModel, clips: Clips, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Features [B, T, FEATURES] as the denoiser gets them, the loss of the mouth they know, and noise [B, T, C, H, W]."""
    batch, frames = clips.dice.shape[:2]
    heard = recorded(clips.pcm.float() / 32767, generator)
    features = model.speech.forward_clip(heard)
    lesson = mouth_loss(features[:, 1:], clips.motion[:, 1:, MOUTH_COLUMNS])
    untold = torch.rand(batch, 1, 1, generator=generator) < UNTOLD
    features = torch.cat([features[:, :1] * ~untold, features[:, 1:]], 1)
    cell = clips.reference.shape[1:]
    noise = couple(torch.randn(batch, frames, *cell, generator=generator), clips.dice)
    return features, lesson, noise


def changed(reference: Tensor, frames: int, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """References [B, frames, C, H, W] that in a share of clips are somebody else's at first, and since which frame [B] they are not."""
    batch = len(reference)
    swaps = torch.rand(batch, generator=generator) < share
    since = torch.randint(1, frames // 2, (batch,), generator=generator) * swaps
    early = torch.arange(frames) < since[:, None]
    return torch.where(early[..., None, None, None], reference.roll(1, 0)[:, None], reference[:, None]), since


def loss_of(
    model: AvatarModel, clips: Clips, channels: Tensor, generator: torch.Generator, second: bool, swaps: float = CHANGED
) -> tuple[Tensor, dict[str, float]]:
    """The loss of one step of denoising, and its parts; `channels` as `channel_weights`, `swaps` the share of `changed`."""
    target = latents(clips.latent)
    features, lesson, noise = conditions(model, clips, generator)
    known, since = changed(latents(clips.reference), noise.shape[1], swaps, generator)
    sample, step = noise, 0
    if second:
        with torch.no_grad():
            guess, _ = model(noise, SIGMAS[0], known, features.detach(), clips.control)
        step = 1
        first = begun(known[:, 0], noise[:, 0], step)[:, None]
        sample = torch.cat([first, following(noise, guess, 0)[:, 1:]], 1)
    made, held = model(sample, SIGMAS[step], known, features, clips.control, clips.painted)
    valid = (clips.painted >= since[:, None]).float()[..., None, None, None]
    weight = channels * valid * (1 + FACE_WEIGHT * (clips.weight.float() / 255)[:, :, None])
    error = made - target
    paint = (weight * (error.abs() + 2 * error.square())).mean() / weight.mean()
    asked = torch.cat([clips.motion * HELD_SCALE, (clips.motion[:, :1] * HELD_SCALE).expand_as(clips.motion)], 2)
    valid = torch.arange(held.shape[1]) >= since[:, None].clamp(min=1)
    pose = (held - asked)[valid].square().mean()
    total = paint + MOUTH_SHARE * lesson + HELD_SHARE * pose
    return total, {"paint": float(paint.detach()), "mouth": float(lesson.detach()), "held": float(pose.detach())}


@torch.no_grad()
def survey(model: AvatarModel, path: Path, frames: int = 36) -> str:
    """Held-out heads and voices: errors as a line, and a strip of truth above what is made."""
    model.eval()
    generator, autoencoder = torch.Generator().manual_seed(5), load_autoencoder()
    planned = plan(4, frames, Listener(tapes(held_out=True), generator), generator, held_out=True, warp=0.0)
    reference = autoencoder.encoder.continuous(draw(planned.who, planned.reference).float() / 255)
    speech = model.speech.forward_clip(planned.pcm)
    noise = couple(torch.randn(4, frames, *reference.shape[1:], generator=generator), planned.dice)
    shown = torch.arange(frames - 16, frames)
    who = planned.who[:, None].expand(-1, len(shown), -1).flatten(0, 1)
    truth = draw(who, planned.motion[:, shown].flatten(0, 1)).float() / 255
    scores = []
    for steps in (1, len(SIGMAS)):
        made = denoise_clip(model, noise, reference, speech, planned.control, steps)[:, shown].flatten(0, 1)
        picture = decoded(autoencoder, made)
        scores.append(psnr(picture, truth))
    ceiling = psnr(decoded(autoencoder, autoencoder.encoder.continuous(truth)), truth)
    rows = [torch.cat([torch.cat(list(part.unflatten(0, (4, -1))[one, ::2]), -1) for part in (truth, picture)], 1) for one in range(4)]
    Image.fromarray((torch.cat(rows, 1) * 255).byte().permute(1, 2, 0).numpy()).save(path)
    model.train()
    return f"held-out heads and voices: {scores[0]:.2f} dB in one step, {scores[1]:.2f} in two; autoencoder {ceiling:.2f}"


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=2700, threads=1)
    parser.add_argument("--shards", type=int, default=40, help="shards of 128 clips, drawn beside the training")
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="largest learning rate")
    flags = parser.parse_args()
    generator = seeded(flags)
    multiprocessing.get_context("spawn").Process(target=fill, args=(flags.shards,), daemon=True).start()
    library = Library(flags.shards)
    while library.refresh() == 0:
        time.sleep(1)
    model, channels = AvatarModel(), channel_weights()
    model.load_state_dict(load_motion())
    average = averaging(model, AVERAGE_DECAY)
    optimiser = torch.optim.AdamW(model.parameters(), lr=flags.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    learns = {"model": model, "average": average}
    training = Training(SHELF, "world.pt", learns, optimiser, flags, generator, checkpoint_seconds=CHECKPOINT_SECONDS)
    new_shards = Alarm(training, REFRESH_SECONDS)

    while training.goes_on():
        second = bool(torch.rand((), generator=generator) < SECOND_STEP)
        loss, parts = loss_of(model, library.draw(BATCH, generator), channels, generator, second)
        training.descend(loss)
        if training.is_at(20):
            shares = " ".join(f"{name} {value:.4f}" for name, value in parts.items())
            training.say(f"denoising step {1 + second}: {shares}")
        if new_shards.rings():
            library.refresh()
        if training.keep_if_due():
            training.say(survey(average.module, SHELF.runs / "world.png"))


if __name__ == "__main__":
    main()
