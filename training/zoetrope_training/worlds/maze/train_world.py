"""Train the world model of `maze`.

Run: `training/run maze world --budget-seconds 3600`

Clips are segments of one walk in any order, and most lead through a door (`zoetrope_training.segments`): every
frame has to be predicted, and every frame is memory for the segments after it. Where a room is among the frames
that can be seen, the noise says nothing about it and memory everything; where it is not, the noise is coupled to it.
Some memory stands for many frames (a count, as merged slots have), so that what is not meant has to be ignored
however often it was seen. The first layer is told where to look when a door leads back: left alone, it had not found
out after 480 steps, when cells behind such doors were right no more often than behind new ones (0.11).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ...budget import save_checkpoint
from ...level_model import LevelWorldModel, best_levels
from ...precision import mixed_precision
from ...segments import last_two, place_of, segment_features
from ...training import Alarm, Training, averaging, seeded, training_flags
from . import SHELF
from .data import Clips, Episodes, Sampler, latents, play_episodes
from .dice import couple
from .model import CONFIG
from .rollout import track
from .tiles import CLASS, THING
from .train_autoencoder import load_autoencoder

BATCH = 8
SHORT = (3,) * 14
LONG = (9, 9, 9, 3, 3, 3, 3, 3)
LONG_STEPS = 0.3
"""Share of training steps whose clips hold whole windows."""
CROSSING = 0.8
"""Share of segments that lead through a door, where the walk has that many."""
MOST_COUNT = 60.0
"""Largest count that a frame of memory may be given."""
COUNTED = 0.4
"""Share of frames that stand for more than one."""
OWN_STEPS = 0.4
"""Share of training steps whose contexts hold guesses of the model's own."""
OWN_SHARE = 0.8
SANE = 0.06
"""Largest share of wrong cells in a guess that still serves as context."""
WRONG_CODES = 0.003
"""Chance that a code of a context frame is off by one level."""
CHANGED_WEIGHT = 14.0
DOOR_WEIGHT = 5.0
"""What a cell counts more that changes, and any cell of a frame behind a door."""
THING_WEIGHT = 3.0
"""How many times as much a cell counts that holds a thing, in a frame behind a door."""
LOOK_WEIGHT = 0.03
"""What it counts where a door leads back and the first layer does not look at frames of the room behind it."""
STUDIED = 0.5
"""Share of the transitions without a door that the denoiser learns from."""
PURE_NOISE_SHARE = 0.6
DRAFT_SHARE = 0.6
"""Share of partly noisy samples that are made from the model's own first guess, as its second step sees them."""
PEAK_RATE = 2e-3
TRACK_SECONDS = 600
AVERAGE_DECAY = 0.995


def transition_scores(
    model: LevelWorldModel, context: Tensor, clips: Clips, lengths: tuple[int, ...], counts: Tensor,
    sample: Tensor, sigma: Tensor, chosen: Tensor,
) -> tuple[Tensor, Tensor]:
    """Scores of the next frames after the `chosen` ones, bool [batch, T]: [n, channels * levels, h, w].

    Also the first layer's attention to frames that show the target's room, [batch, heads, T, tokens].

    Shapes: sample as context, [batch, T, channels, h, w]; sigma [batch, T].
    """
    with mixed_precision():
        features, mass = segment_features(model, context, clips.control, lengths, counts, clips.source)
        scores = model.denoiser(sample[chosen], sigma[chosen], features[chosen], last_two(context, lengths)[chosen])
    assert mass is not None
    return scores.float(), mass.float()


def spoil(context: Tensor, levels: int, generator: torch.Generator) -> Tensor:
    """Contexts with a few codes off by one level; any shape."""
    wrong = torch.rand(context.shape, generator=generator) < WRONG_CODES
    nudge = (torch.randint(0, 2, context.shape, generator=generator) * 2 - 1) * (2 / (levels - 1))
    return torch.where(wrong, (context + nudge).clamp(-1, 1), context)


def draw_counts(batch: int, frames: int, generator: torch.Generator) -> Tensor:
    """For how many frames each frame of memory stands: float32 [batch, frames]."""
    many = torch.exp(torch.rand(batch, frames, generator=generator) * math.log(MOST_COUNT))
    return torch.where(torch.rand(batch, frames, generator=generator) < COUNTED, many, 1.0)


def loss_of(
    model: LevelWorldModel, clips: Clips, lengths: tuple[int, ...], generator: torch.Generator, own: bool
) -> tuple[Tensor, Callable[[], dict[str, Tensor]]]:
    """Weighted cross-entropy over the levels, and a function that says which share of cells came out exactly right."""
    levels = model.levels
    context, target = latents(clips.context, levels), latents(clips.target, levels)
    batch, frames = context.shape[:2]
    noise = torch.randn(target.shape, generator=generator)
    noise[~clips.known] = couple(noise[~clips.known], clips.row[~clips.known])
    counts = draw_counts(batch, frames, generator)
    last, clean = context, target

    if own:
        with torch.no_grad():
            every = torch.ones(batch, frames)
            guess, _ = transition_scores(model, context, clips, lengths, counts, noise, every, every > 0)
        guess = best_levels(guess, levels).view_as(target)
        sane = (guess != target).any(2).float().mean((-1, -2)) < SANE
        follows = place_of(lengths)[1:] > 0
        taken = sane[:, :-1] & follows & (torch.rand(batch, frames - 1, generator=generator) < OWN_SHARE)
        context = torch.cat([context[:, :1], torch.where(taken[..., None, None, None], guess[:, :-1], context[:, 1:])], 1)
        draft = torch.rand(batch, frames, generator=generator) < DRAFT_SHARE
        clean = torch.where(draft[..., None, None, None], guess, target)
    context = spoil(context, levels, generator)

    pure = torch.rand(batch, frames, generator=generator) < PURE_NOISE_SHARE
    sigma = torch.where(pure, 1.0, torch.rand(batch, frames, generator=generator))
    mix = sigma[..., None, None, None]
    sample = (1 - mix) * clean + mix * noise
    chosen = clips.crosses | (torch.rand(batch, frames, generator=generator) < STUDIED)
    scores, mass = transition_scores(model, context, clips, lengths, counts, sample, sigma, chosen)

    changed = (target != last).any(2)
    things = clips.target[:, :, CLASS] == THING
    behind = DOOR_WEIGHT * torch.where(things, THING_WEIGHT, 1.0)
    weight = 1 + torch.where(clips.crosses[..., None, None], behind, CHANGED_WEIGHT * changed.float())[chosen]
    entropy = F.cross_entropy(
        scores.unflatten(1, (-1, levels)).transpose(1, 2), clips.target[chosen].long(), reduction="none"
    )
    loss = (entropy.mean(1) * weight).sum() / weight.sum()
    returns = clips.crosses & clips.known
    if returns.any():
        looks = mass.permute(0, 2, 1, 3)[returns]
        loss = loss - LOOK_WEIGHT * looks.clamp(min=1e-6).log().mean()
    shares = lambda: {"looks": looks.detach().mean()} if returns.any() else {}
    return loss, lambda: shares() | _hits(best_levels(scores.detach(), levels) == target[chosen], changed, clips, sigma, chosen)


def _hits(right: Tensor, changed: Tensor, clips: Clips, sigma: Tensor, chosen: Tensor) -> dict[str, Tensor]:
    """Shares of cells right, from pure noise: behind doors to known and to new rooms, and where the player moves."""
    pure = (sigma == 1)[..., None, None]
    door, known = clips.crosses[..., None, None], clips.known[..., None, None]
    every = torch.ones_like(changed)
    right = right.all(1).float()
    wanted = {"known": door & known & pure & every, "new": door & ~known & pure & every, "moves": changed & ~door & pure}
    return {name: (right * where[chosen]).sum() / where[chosen].sum().clamp(min=1) for name, where in wanted.items()}


def episodes_of(count: int, frames: int, seed: int) -> Episodes:
    """The training walks, made once and kept in the run's folder."""
    path = SHELF.runs / f"episodes-{count}-{frames}.pt"
    if not path.exists():
        print(f"walking {count * frames} frames", flush=True)
        episodes = play_episodes(count, frames, torch.Generator().manual_seed(seed))
        save_checkpoint(path, **episodes.__dict__)
    return Episodes(**torch.load(path))


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=3600)
    parser.add_argument("--episodes", type=int, default=512)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="largest learning rate")
    flags = parser.parse_args()
    generator = seeded(flags)
    sampler = Sampler(episodes_of(flags.episodes, flags.frames, flags.seed), generator)
    model = LevelWorldModel(CONFIG)
    average = averaging(model, AVERAGE_DECAY)
    optimiser = torch.optim.AdamW(model.parameters(), lr=flags.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    training = Training(SHELF, "world.pt", {"model": model, "average": average}, optimiser, flags, generator)
    survey = Alarm(training, TRACK_SECONDS)

    while training.goes_on():
        draw = torch.rand(2, generator=generator)
        lengths = LONG if draw[0] < LONG_STEPS else SHORT
        own = bool(draw[1] < OWN_STEPS) and (training.budget.progress > 0.35 or training.earlier["step"] > 0)
        loss, hits = loss_of(model, sampler(BATCH, lengths, CROSSING), lengths, generator, own)
        training.descend(loss)
        if training.is_at(20):
            shares = " ".join(f"{name} {float(share):.3f}" for name, share in hits().items())
            training.say(f"loss {loss.item():.4f} cells right: {shares}")
        training.keep_if_due()
        if survey.rings():
            training.say(track(average.module, load_autoencoder(), SHELF.runs / "world.png"))


if __name__ == "__main__":
    main()
