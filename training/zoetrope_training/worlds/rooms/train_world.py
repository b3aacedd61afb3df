"""Train the world model of `rooms`.

Run: `training/run rooms world --budget-seconds 1500`

Contexts are partly the model's own pictures: a clip is predicted in parallel, its predictions replace the true
frames behind it, and that is repeated a few times, so that a frame stands on several generations of its own
kind while the true next frame is still the right answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...budget import save_checkpoint
from ...training import Alarm, Training, averaging, seeded, training_flags
from . import SHELF
from .codec import Codec, load_codec
from .data import Clips, Sampler, walk_clips
from .level import TRAINING_LEVELS, make_level
from .play import World, make_world
from .render import render
from .world import CONFIG, REACH, PoseHead, RoomsModel, pose_targets, predict, roll_out

BATCH = 4
FRAMES = REACH + 2
"""Pictures in a clip; the last is only a target."""
OWN_GENERATIONS = 3
"""Most generations of own pictures in a context."""
OWN_FROM, OWN_FULL = 0.25, 0.8
"""Shares of the budget at which own pictures begin, and at which there may be as many generations as ever."""
OWN_SHARE = 0.8
"""Share of clips that take them."""
PURE_NOISE_SHARE = 0.6
POSE_WEIGHT = 0.1
PEAK_RATE = 1e-3
AVERAGE_DECAY = 0.995
TRACK_SECONDS = 150
TRACKS, TRACK_FRAMES, TRACK_SEED = 12, 32, 10_002


def own_context(model: RoomsModel, clip: Tensor, control: Tensor, generations: int, generator: torch.Generator) -> Tensor:
    """The frames before each target, most of them replaced by what the model makes of the frames before them.

    Shapes: clip [batch, n + 1, C, H, W], control [batch, n, keys]; returns [batch, n, C, H, W].
    """
    true = clip[:, :-1]
    context = true
    takes = torch.rand(len(clip), 1, 1, 1, 1, generator=generator) < OWN_SHARE
    count = true.shape[0] * true.shape[1]
    for _ in range(generations):
        noise = torch.randn(true.shape, generator=generator)
        with torch.no_grad():
            guess, _ = predict(model, context, control, noise, torch.ones(count))
        context = torch.cat((true[:, :1], torch.where(takes, guess.view_as(true)[:, :-1], true[:, 1:])), 1)
    return context


def errors_of(
    model: RoomsModel, head: PoseHead, batch: Clips, generations: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Squared error of the latents and of the poses."""
    target = batch.latent[:, 1:]
    context = own_context(model, batch.latent, batch.control, generations, generator)
    count = target.shape[0] * target.shape[1]
    draw = lambda: torch.rand(count, generator=generator)
    sigma = torch.where(draw() < PURE_NOISE_SHARE, 1.0, 0.1 + 0.9 * draw())
    mix = sigma.view(*target.shape[:2], 1, 1, 1)
    noisy = (1 - mix) * target + mix * torch.randn(target.shape, generator=generator)
    prediction, features = predict(model, context, batch.control, noisy, sigma)
    error = F.mse_loss(prediction, target.flatten(0, 1))
    return error, (head(features) - pose_targets(batch)).square().mean()


def generations_at(progress: float, generator: torch.Generator) -> int:
    """How many generations of own pictures a step uses, 0 to OWN_GENERATIONS."""
    if progress < OWN_FROM:
        return 0
    most = 1 + (OWN_GENERATIONS - 1) * min(1.0, (progress - OWN_FROM) / (OWN_FULL - OWN_FROM))
    return int(torch.randint(0, int(most) + 1, (), generator=generator))


def training_clips(codec: Codec, world: World, walks: int, frames: int, seed: int) -> Clips:
    """The training walks, made once for each autoencoder and kept in the run's folder."""
    step = torch.load(SHELF.find("autoencoder.pt", "run `training/run rooms autoencoder` first"))["step"]
    path = SHELF.runs / f"clips-{walks}-{frames}-{seed}-{step}.pt"
    if not path.exists():
        print(f"drawing {walks * frames} pictures", flush=True)
        save_checkpoint(path, **walk_clips(codec, world, walks, frames, torch.Generator().manual_seed(seed)).__dict__)
    return Clips(**torch.load(path))


@dataclass(frozen=True)
class Track:
    """Held-out walks that progress is measured on: encoded, and their true pictures to come [n, made, 3, h, w]."""

    clips: Clips
    truth: Tensor


def make_track(codec: Codec, world: World) -> Track:
    """Walks with REACH true frames before the ones to make."""
    clips = walk_clips(codec, world, TRACKS, REACH + TRACK_FRAMES, torch.Generator().manual_seed(TRACK_SEED))
    truth = torch.stack([render(world.maps, clips.which, clips.pose[:, t]) for t in range(REACH, REACH + TRACK_FRAMES)], 1)
    return Track(clips, truth)


@torch.no_grad()
def track(model: RoomsModel, codec: Codec, held_out: Track, path: Path) -> str:
    """How close roll-outs stay to the truth, as a line for the log; writes a strip of both."""
    clips, truth = held_out.clips, held_out.truth
    noise = torch.Generator().manual_seed(TRACK_SEED)
    model.eval()
    made = roll_out(model, clips.latent[:, :REACH].float(), clips.control, 1, noise)
    pictures = torch.stack([codec.decode(part).clamp(0, 1) for part in made.unbind(1)], 1)
    last = codec.decode(clips.latent[:, REACH - 1].float())[:, None]
    quality = lambda part, t: -10 * float((part - truth[:, t]).square().mean().log10())
    shown = (0, 3, 7, 15, 31)
    rows = [torch.cat([part[clip, t] for t in shown], -1) for clip in range(4) for part in (truth, pictures)]
    Image.fromarray((torch.cat(rows, 1) * 255).byte().permute(1, 2, 0).numpy()).save(path)
    return "roll-out (copying) dB at frame " + " ".join(
        f"{t + 1}: {quality(pictures[:, t], t):.1f} ({quality(last[:, 0], t):.1f})" for t in shown
    )


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=1500, threads=1)
    parser.add_argument("--walks", type=int, default=192)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="largest learning rate")
    flags = parser.parse_args()
    generator = seeded(flags)
    codec = load_codec()
    world = make_world([make_level(seed) for seed in TRAINING_LEVELS])
    clips = training_clips(codec, world, flags.walks, flags.frames, flags.seed)
    held_out = make_track(codec, world)
    torch.manual_seed(flags.seed)
    model, head = RoomsModel(CONFIG), PoseHead()
    average = averaging(model, AVERAGE_DECAY)
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=flags.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    learns = {"model": model, "head": head, "average": average}
    training = Training(SHELF, "world.pt", learns, optimiser, flags, generator)
    sampler, survey = Sampler(clips, FRAMES, generator), Alarm(training, TRACK_SECONDS)

    while training.goes_on():
        generations = generations_at(training.budget.progress, generator)
        error, lost = errors_of(model, head, sampler(BATCH), generations, generator)
        training.descend(error + POSE_WEIGHT * lost, cut=model.parameters())
        if training.is_at(50):
            training.say(f"latents {error.item():.4f} poses {lost.item():.3f}")
        training.keep_if_due()
        if survey.rings():
            training.say(track(average.module, codec, held_out, SHELF.runs / "world.png"))


if __name__ == "__main__":
    main()
