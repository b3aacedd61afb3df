"""Train the world model of `arcade`.

Run: `training/run arcade world --budget-seconds 4200`

Four things make a small model hold for hours. The noise is coupled to the game's dice, so the next latent is
a function of what the model sees. Contexts are the model's own guesses as often as the truth, plus random wrong
codes. Clips whose pictures have a fault teach it to mend them. And the model plays on its own pictures while it
learns, and is shown what should have come next.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...autoencoder import Autoencoder, AutoencoderConfig
from ...budget import save_checkpoint
from ...level_model import LevelModelConfig, LevelWorldModel, best_levels, last_frames
from ...precision import mixed_precision
from ...training import Alarm, Training, averaging, seeded, training_flags
from . import SHELF
from .data import FAULTY_FRAMES, Clips, faulty_clips, latents, play_clips
from .own_play import Lessons, OwnPlay
from .play import couple
from .rollout import track

BATCH = 16
FRAMES = 9
"""Pictures in a clip; the last is only a target."""
EVENT_SHARE = 0.45
"""Share of ordinary clips chosen because something rare happens in them."""
FAULTY_SHARE = 0.15
LESSON_SHARE = 0.5
"""Share of clips that are the model's own play, once it plays."""
PLAYS_FROM = 0.2
"""Share of the budget after which the model plays; one that goes on from shipped weights plays at once."""
PLAYED_GAMES = 48
PLAYED_FRAMES = 16
"""Frames each game goes on every `STEPS_A_PLAY` training steps."""
STEPS_A_PLAY = 60
KEPT_FRAMES = 128
"""Frames of each game that lessons are drawn from."""
OWN_STEPS = 0.5
"""Share of training steps whose contexts hold guesses of the model's own."""
OWN_SHARE = 0.8
"""Share of context frames that are such a guess in those steps, once the model is warm."""
WRONG_CODES = 0.004
"""Chance that a code of a context frame is off by one level."""
CHANGED_WEIGHT = 12.0
EVENT_WEIGHT = 2.0
PURE_NOISE_SHARE = 0.5
DRAFT_SHARE = 0.6
"""Share of partly noisy samples that are made from the model's own first guess, as its second step sees them."""
PEAK_RATE = 2e-3
TRACK_SECONDS = 900
AVERAGE_DECAY = 0.998


@dataclass(frozen=True)
class Batch:
    """One training batch of `n` transitions a clip.

    Attributes:
        context, target: uint8 codes [batch, n, channels, grid, grid], frame t and what should follow it.
        control: float32 [batch, n, controls].
        dice: float32 [batch, n, spots].
        event: bool [batch, n], something rare happens.
        counts: bool [batch, n], there is a true target.
        played: bool [batch], the context is the model's own.
    """

    context: Tensor
    target: Tensor
    control: Tensor
    dice: Tensor
    event: Tensor
    counts: Tensor
    played: Tensor

    @staticmethod
    def join(parts: list[Batch]) -> Batch:
        """Several batches as one."""
        return Batch(*(torch.cat(columns) for columns in zip(*(part.__dict__.values() for part in parts), strict=True)))


class Sampler:
    """Draws batches from a pool of long clips of play, a pool of short faulty ones, and the model's own play."""

    def __init__(self, play: Clips, faulty: Clips, generator: torch.Generator) -> None:
        self._play, self._faulty, self._generator = play, faulty, generator
        self._events = play.event[:, 1 : -FRAMES].nonzero()

    def __call__(self, lessons: Lessons | None = None) -> Batch:
        """The next batch."""
        faulty = round(BATCH * FAULTY_SHARE)
        played = 0 if lessons is None else round(BATCH * LESSON_SHARE)
        parts = [self._ordinary(BATCH - faulty - played), self._mending(faulty)]
        return Batch.join(parts if lessons is None else [*parts, self._lessons(lessons, played)])

    def _ordinary(self, count: int) -> Batch:
        games, frames = self._play.codes.shape[:2]
        game, start = self._draw(games, count), self._draw(frames - FRAMES, count)
        picked = self._events[self._draw(len(self._events), count)]
        chosen = torch.rand(count, generator=self._generator) < EVENT_SHARE
        game = torch.where(chosen, picked[:, 0], game)
        before = self._draw(FRAMES - 2, count) + 1
        start = torch.where(chosen, (picked[:, 1] + 1 - before).clamp(0, frames - FRAMES), start)
        at = start[:, None] + torch.arange(FRAMES)
        take = lambda part, index: part[game[:, None], index]
        counts = torch.ones(count, FRAMES - 1, dtype=torch.bool)
        return self._clips(
            Clips(
                take(self._play.codes, at), take(self._play.control, at[:, :-1]),
                take(self._play.dice, at[:, :-1]), take(self._play.event, at[:, :-1]),
            ),
            counts,
        )

    def _mending(self, count: int) -> Batch:
        which = self._draw(len(self._faulty.codes), count)
        counts = torch.ones(count, FRAMES - 1, dtype=torch.bool)
        counts[:, : FAULTY_FRAMES - 1] = False
        return self._clips(Clips(*(part[which] for part in self._faulty.__dict__.values())), counts)

    def _lessons(self, lessons: Lessons, count: int) -> Batch:
        length = FRAMES - 1
        fresh = lessons.begins.unfold(1, length, 1)[..., 1:].any(-1)
        starts = (~fresh).nonzero()
        game, start = starts[self._draw(len(starts), count)].unbind(1)
        at = start[:, None] + torch.arange(length)
        take = lambda part: part[game[:, None], at]
        counts = torch.ones(count, length, dtype=torch.bool)
        counts[:, 0] = False  # one picture does not show how things move
        return Batch(
            take(lessons.codes), take(lessons.target), take(lessons.control), take(lessons.dice), take(lessons.event),
            counts, torch.ones(count, dtype=torch.bool),
        )

    def _clips(self, clips: Clips, counts: Tensor) -> Batch:
        return Batch(
            clips.codes[:, :-1], clips.codes[:, 1:], clips.control, clips.dice, clips.event, counts,
            torch.zeros(len(counts), dtype=torch.bool),
        )

    def _draw(self, high: int, count: int) -> Tensor:
        return torch.randint(high, (count,), generator=self._generator)


def transition_scores(model: LevelWorldModel, context: Tensor, control: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
    """Scores of every next frame of a clip.

    Shapes: context [batch, n, channels, grid, grid], control [batch, n, controls], sample as context,
    sigma [batch * n]; returns [batch * n, channels * levels, grid, grid].
    """
    with mixed_precision():
        features = model.features(context, control).flatten(0, 1)
        return model.denoiser(sample.flatten(0, 1), sigma, features, last_frames(context).flatten(0, 1)).float()


def loss_of(model: LevelWorldModel, batch: Batch, generator: torch.Generator, own_share: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy over the levels, and the share of changed cells that come out exactly right."""
    levels = model.levels
    context, target = latents(batch.context, levels), latents(batch.target, levels)
    n = context.shape[0] * context.shape[1]
    noise = couple(torch.randn(target.shape, generator=generator).flatten(0, 1), batch.dice.flatten(0, 1))
    noise = noise.view_as(target)
    last, clean = context, target

    if own_share > 0:
        with torch.no_grad():
            guess = transition_scores(model, context, batch.control, noise, torch.ones(n))
        guess = best_levels(guess, levels).view_as(target)
        sane = (guess != target).any(2).float().mean((-1, -2)) < 0.06
        own = torch.rand(sane.shape, generator=generator) < own_share
        own = (own & sane & batch.counts & ~batch.played[:, None])[:, :-1, None, None, None]
        context = torch.cat([context[:, :1], torch.where(own, guess[:, :-1], context[:, 1:])], 1)
        draft = torch.rand(n, generator=generator) < DRAFT_SHARE
        clean = torch.where(draft.view(*target.shape[:2], 1, 1, 1), guess, target)
    wrong = torch.rand(context.shape, generator=generator) < WRONG_CODES
    nudge = (torch.randint(0, 2, context.shape, generator=generator) * 2 - 1) * (2 / (levels - 1))
    context = torch.where(wrong, (context + nudge).clamp(-1, 1), context)

    pure = torch.rand(n, generator=generator) < PURE_NOISE_SHARE
    sigma = torch.where(pure, 1.0, torch.rand(n, generator=generator))
    mix = sigma.view(*target.shape[:2], 1, 1, 1)
    scores = transition_scores(model, context, batch.control, (1 - mix) * clean + mix * noise, sigma)

    changed = (target != last).any(2)
    weight = 1 + CHANGED_WEIGHT * changed.float()
    weight = weight * (1 + EVENT_WEIGHT * batch.event[..., None, None].float()) * batch.counts[..., None, None]
    code = batch.target.long().flatten(0, 1)
    entropy = F.cross_entropy(scores.unflatten(1, (-1, levels)).transpose(1, 2), code, reduction="none")
    loss = (entropy.mean(1) * weight.flatten(0, 1)).sum() / weight.sum()
    with torch.no_grad():
        right = (best_levels(scores, levels).view_as(target) == target).all(2)
        hits = right[changed & batch.counts[..., None, None]].float().mean()
    return loss, hits


def load_autoencoder() -> Autoencoder:
    """The trained autoencoder, frozen.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("autoencoder.pt", "run `training/run arcade autoencoder` first")
    model = Autoencoder(AutoencoderConfig())
    model.load_state_dict(torch.load(path)["model"])
    return model.eval().requires_grad_(False)


def pools(autoencoder: Autoencoder, games: int, frames: int, seed: int) -> tuple[Clips, Clips]:
    """The training pools, made once and kept in the run's folder."""
    path = SHELF.runs / f"clips-{games}-{frames}.pt"
    if not path.exists():
        print(f"rendering {games * frames} frames of play", flush=True)
        generator = torch.Generator().manual_seed(seed)
        play = play_clips(autoencoder, games, frames, generator)
        faulty = [faulty_clips(autoencoder, 192, FRAMES, generator) for _ in range(games // 32)]
        merged = Clips(*(torch.cat(parts) for parts in zip(*(c.__dict__.values() for c in faulty), strict=True)))
        save_checkpoint(path, play=play.__dict__, faulty=merged.__dict__)
    kept = torch.load(path)
    return Clips(**kept["play"]), Clips(**kept["faulty"])


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=4200, unit="seconds")
    parser.add_argument("--games", type=int, default=224)
    parser.add_argument("--frames", type=int, default=320)
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE, help="largest learning rate")
    flags = parser.parse_args()
    generator = seeded(flags)
    autoencoder = load_autoencoder()
    sampler = Sampler(*pools(autoencoder, flags.games, flags.frames, flags.seed), generator)
    model = LevelWorldModel(LevelModelConfig())
    model.denoiser.to(memory_format=torch.channels_last)
    average = averaging(model, AVERAGE_DECAY)
    optimiser = torch.optim.AdamW(model.parameters(), lr=flags.peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    learns = {"model": model, "average": average}
    training = Training(SHELF, "world.pt", learns, optimiser, flags, generator, clock=time.monotonic)
    budget, able = training.budget, training.earlier["step"] > 0
    survey = Alarm(training, TRACK_SECONDS)
    play = OwnPlay(autoencoder, PLAYED_GAMES, KEPT_FRAMES, LevelModelConfig().world.transformer.window_frames + 1, generator)

    while training.goes_on():
        warmth = 1.0 if able else min(1.0, max(0.0, (budget.progress - 0.08) / 0.15))
        own_share = OWN_SHARE * warmth if torch.rand((), generator=generator) < OWN_STEPS else 0.0
        if training.is_at(STEPS_A_PLAY) and (able or budget.progress > PLAYS_FROM):
            training.say(play.advance(average.module, PLAYED_FRAMES))
        lessons = play.lessons if play.lessons.codes.shape[1] >= FRAMES else None
        loss, hits = loss_of(model, sampler(lessons), generator, own_share)
        training.descend(loss)
        if training.is_at(20):
            training.say(f"loss {loss.item():.4f} changed cells right {hits:.3f}")
        training.keep_if_due()
        if survey.rings():
            training.say(track(average.module, autoencoder, SHELF.runs / "world.png"))


if __name__ == "__main__":
    main()
