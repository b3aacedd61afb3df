"""Does a cache for each step pay? The avatar with it and with a clean commit, trained alike.

Run: `training/run avatar ablation --seconds 300 --seeds 2 --json`

Both arms have the same weights to learn, begin from the same speech encoder, see the same clips in the same order, and
train for as many processor seconds. Then people and voices held out are made frame by frame, and the first seconds of
what came out are compared with the last.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from ...budget import Budget
from .clean_commit import CleanCommitModel, Remembering, roll_out
from .clips import PAINTED, Clips, Library, fill, latents
from .data import Listener, draw, plan
from .evaluate import readings
from .model import SIGMAS, AvatarModel, denoise_clip
from .motion import couple
from .probe import READS, Probe, load_probe, motion_of
from .speech import tapes
from .train_autoencoder import decoded, load_autoencoder, psnr
from .train_speech import correlation, load_speech
from .train_world import BATCH, PEAK_RATE, SECOND_STEP, channel_weights, loss_of

ARMS = {"per-step": AvatarModel, "clean commit": CleanCommitModel}
SHARDS = 4
PEOPLE, FRAMES, STRETCH = 8, 101, 25
"""People who are scored, the frames each is made for, and the frames of its beginning and its end that are compared."""
SEED = 31


def thinned(clips: Clips, generator: torch.Generator) -> Clips:
    """Clips of which `PAINTED` frames are asked for, as the model's own training does."""
    which = torch.rand(clips.painted.shape, generator=generator).argsort(1)[:, :PAINTED].sort(1).values
    rows = torch.arange(len(clips))[:, None]
    return replace(clips, painted=clips.painted[rows, which], latent=clips.latent[rows, which], weight=clips.weight[rows, which])


def true_history(clips: Clips) -> Tensor:
    """Latents of every frame of whole clips: [n, T, C, H, W]."""
    return latents(torch.cat([clips.reference[:, None], clips.latent], 1))


def train(arm: str, library: Library, seconds: float, seed: int) -> tuple[AvatarModel, int]:
    """An arm's trained model, and how many steps it made."""
    torch.manual_seed(seed)
    generator, model, channels = torch.Generator().manual_seed(seed), ARMS[arm](), channel_weights()
    model.speech.load_state_dict(load_speech().state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    budget, steps = Budget(seconds, 0.0, time.process_time), 0
    while budget.progress < 1:
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        whole = library.draw(BATCH, generator)
        second = bool(torch.rand((), generator=generator) < SECOND_STEP)
        learner = Remembering(model, true_history(whole)) if isinstance(model, CleanCommitModel) else model
        loss, parts = loss_of(learner, thinned(whole, generator), channels, generator, second, swaps=0.0)  # type: ignore[arg-type]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        steps += 1
        if steps % 50 == 0:
            print(f"{arm}: {budget.elapsed:5.0f}s step {steps} paint {parts['paint']:.4f}", flush=True)
    return model.eval(), steps


@torch.no_grad()
def score(model: AvatarModel, probe: Probe) -> dict[str, float]:
    """How what a session makes agrees with the truth of its dice, at its beginning and at its end."""
    autoencoder, generator = load_autoencoder(), torch.Generator().manual_seed(SEED)
    planned = plan(PEOPLE, FRAMES, Listener(tapes(held_out=True), generator), generator, held_out=True, warp=0.0)
    reference = autoencoder.encoder.continuous(draw(planned.who, planned.reference).float() / 255)
    speech = model.speech.forward_clip(planned.pcm)
    noise = couple(torch.randn(PEOPLE, FRAMES, *reference.shape[1:], generator=generator), planned.dice)
    about = (noise, reference, speech, planned.control)
    if isinstance(model, CleanCommitModel):
        made = roll_out(model, *about)
    else:
        made = denoise_clip(model, *about, steps=len(SIGMAS))
    found: dict[str, float] = {}
    for name, part in {"first": slice(1, 1 + STRETCH), "last": slice(FRAMES - STRETCH, FRAMES)}.items():
        picture = decoded(autoencoder, made[:, part].flatten(0, 1))
        who = planned.who[:, None].expand(-1, STRETCH, -1).flatten(0, 1)
        truth = draw(who, planned.motion[:, part].flatten(0, 1)).float() / 255
        read = readings(probe, picture.unflatten(0, (PEOPLE, STRETCH)))[0]
        asked = motion_of(planned.motion[:, part])
        at = READS.index("opening")
        found[f"psnr_{name}"], found[f"lip_corr_{name}"] = psnr(picture, truth), correlation(read[..., at], asked[..., at])
    return found


def main() -> None:
    """Train both arms for every seed and print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="processor seconds of each training")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    fill(SHARDS, whole=True, threads=flags.threads)
    library, probe = Library(SHARDS, whole=True), load_probe()
    library.refresh()
    report: dict[str, dict[str, float]] = {}
    for arm in ARMS:
        runs = []
        for seed in range(flags.seeds):
            model, steps = train(arm, library, flags.seconds, seed)
            runs.append({"steps": steps} | score(model, probe))
            print(f"{arm}, seed {seed}: {runs[-1]}", flush=True)
        report[arm] = {name: round(median(run[name] for run in runs), 4) for name in runs[0]}
    print(json.dumps(report, indent=None if flags.json else 1))


if __name__ == "__main__":
    main()
