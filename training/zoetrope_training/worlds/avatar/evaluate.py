"""Score the model of `avatar` on people it never saw who speak with voices it never heard.

Run: `training/run avatar evaluate --json`

What is made is read by the probe and compared with the renderer's truth under the same dice: lips against the sound,
identity against the picture that was given, and what should stand still. Then the exported package plays frame by frame
with its caches cut short, to say what compressing them costs.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import Autoencoder
from . import SHELF
from .caches import compare_caches, endure
from .data import Listener, draw, plan
from .model import STEPS, AvatarModel, denoise_clip, load_world
from .motion import couple
from .probe import READS, Probe, face_check_scores, load_probe, motion_of, r_squared
from .speech import tapes
from .train_autoencoder import decoded, load_autoencoder, psnr
from .train_speech import correlation

SEED = 4242
SETTLED = 16
"""Frames after which a cache is full; scores begin there."""
LAGS = 8
"""Frames either way that the sync offset is looked for."""
SHUT, OPEN_NEARBY, NEARBY = 0.04, 0.15, 3
"""A closure is a frame whose true opening is below `SHUT` within `NEARBY` frames of one above `OPEN_NEARBY`."""
SEEN_SHUT = 0.1
BLINKING = 0.5


@dataclass(frozen=True)
class Take:
    """Clips of people who speak, true and made.

    Attributes:
        reference: float [n, 3, h, w], the pictures that were given.
        true, made, rebuilt: float [n, T, 3, h, w]; `rebuilt` is `true` through the autoencoder.
        motion: [n, T, columns of MOTION].
        lost: float [n, T, 3, h, w], made from another clip's sound.
    """

    reference: Tensor
    true: Tensor
    made: Tensor
    rebuilt: Tensor
    motion: Tensor
    lost: Tensor


@torch.no_grad()
def take(model: AvatarModel, autoencoder: Autoencoder, people: int, frames: int, seed: int = SEED) -> Take:
    """Let people speak."""
    generator = torch.Generator().manual_seed(seed)
    planned = plan(people, frames, Listener(tapes(held_out=True), generator), generator, held_out=True, warp=0.0)
    given = draw(planned.who, planned.reference).float() / 255
    reference = autoencoder.encoder.continuous(given)
    speech = model.speech.forward_clip(planned.pcm)
    noise = couple(torch.randn(people, frames, *reference.shape[1:], generator=generator), planned.dice)
    who = planned.who[:, None].expand(-1, frames - SETTLED, -1).flatten(0, 1)
    true = draw(who, planned.motion[:, SETTLED:].flatten(0, 1)).float() / 255

    shown = lambda latent: decoded(autoencoder, latent).unflatten(0, (people, -1))
    made, lost = (
        shown(denoise_clip(model, noise, reference, heard, planned.control)[:, SETTLED:].flatten(0, 1))
        for heard in (speech, speech.roll(1, 0))
    )
    codes = torch.cat([autoencoder.encoder.continuous(part) for part in true.split(64)])
    return Take(given, true.unflatten(0, (people, -1)), made, shown(codes), planned.motion[:, SETTLED:], lost)


@torch.no_grad()
def readings(probe: Probe, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Readings [n, T, len(READS)] and identities [n, T, size] of pictures [n, T, 3, h, w]."""
    parts = [probe(part) for part in pictures.flatten(0, 1).split(64)]
    return tuple(torch.cat(column).unflatten(0, pictures.shape[:2]) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def sync_offset(made: Tensor, true: Tensor) -> int:
    """By how many frames what was made comes late, by the best correlation; [n, T] each."""
    scores = {}
    for lag in range(-LAGS, LAGS + 1):
        late = made[:, max(0, lag) : made.shape[1] + min(0, lag)]
        early = true[:, max(0, -lag) : true.shape[1] - max(0, lag)]
        scores[lag] = correlation(late, early)
    return max(scores, key=lambda lag: scores[lag])


def closures(opening: Tensor) -> Tensor:
    """Frames in which lips meet while somebody speaks: bool [n, T] of true openings."""
    near = torch.nn.functional.max_pool1d(opening[:, None], 2 * NEARBY + 1, 1, NEARBY)[:, 0]
    return (opening < SHUT) & (near > OPEN_NEARBY)


def blinks_a_second(lids: Tensor) -> float:
    """How often eyes begin to shut: [n, T] readings of lids."""
    shut = lids < BLINKING
    return float((shut[:, 1:] & ~shut[:, :-1]).float().mean() * 25)


def lips(probe: Probe, shot: Take) -> dict[str, float]:
    """How well lips follow the sound, beside true frames and another clip's sound."""
    at, true = READS.index("opening"), motion_of(shot.motion)
    opening = true[..., at]
    made, real, rebuilt, lost = (readings(probe, part)[0] for part in (shot.made, shot.true, shot.rebuilt, shot.lost))
    shut = closures(opening)
    share = lambda seen: float((seen[..., at] < SEEN_SHUT)[shut].float().mean())
    late = torch.roll(made[..., at], 3, 1)
    return {
        "lip_corr": correlation(made[..., at], opening), "lip_corr_ceiling": correlation(real[..., at], opening),
        "lip_corr_autoencoder": correlation(rebuilt[..., at], opening), "lip_corr_shuffled": correlation(lost[..., at], opening),
        "lip_corr_static": 0.0,
        "width_corr": correlation(made[..., READS.index("width")], true[..., READS.index("width")]),
        "round_corr": correlation(made[..., READS.index("round")], true[..., READS.index("round")]),
        "sync_offset_ms": 40.0 * sync_offset(made[..., at], opening), "sync_offset_of_120_ms_late": 40.0 * sync_offset(late, opening),
        "closures": int(shut.sum()), "closures_shut": share(made), "closures_shut_ceiling": share(real),
        "yaw_corr": correlation(made[..., READS.index("yaw")], true[..., READS.index("yaw")]),
        "gaze_corr": correlation(made[..., READS.index("gaze_x")], true[..., READS.index("gaze_x")]),
        "lids_corr": correlation(made[..., READS.index("lids")], true[..., READS.index("lids")]),
        "blinks_a_second": blinks_a_second(made[..., READS.index("lids")]),
        "blinks_a_second_true": blinks_a_second(real[..., READS.index("lids")]),
    }


def looks(probe: Probe, shot: Take) -> dict[str, float]:
    """Whether it stays the same person and picture, beside another person and the autoencoder alone."""
    made, given = readings(probe, shot.made)[1], readings(probe, shot.reference[:, None])[1]
    likeness = (made * given).sum(-1)
    still = shot.true.std(1, keepdim=True).amax(2, keepdim=True) < 0.004
    error = lambda part: float(-10 * torch.log10(((part - shot.true).square() * still).sum() / (still.expand_as(part).sum() + 1e-9)))
    sharp = lambda part: float(part.diff(dim=-1).abs().mean())
    return {
        "identity_sim": float(likeness.mean()), "identity_sim_shuffled": float((made * given.roll(1, 0)).sum(-1).mean()),
        "psnr": psnr(shot.made, shot.true), "psnr_autoencoder": psnr(shot.rebuilt, shot.true),
        "psnr_reference_repeated": psnr(shot.reference[:, None].expand_as(shot.true), shot.true),
        "psnr_still_parts": error(shot.made), "psnr_still_parts_autoencoder": error(shot.rebuilt),
        "sharpness_of_true": sharp(shot.made) / sharp(shot.true), "sharpness_of_true_autoencoder": sharp(shot.rebuilt) / sharp(shot.true),
    }


def strip(shot: Take, people: int = 4, frames: int = 12) -> Tensor:
    """Truth above what is made, some people under one another: uint8 [height, width, 3]."""
    rows = [
        torch.cat([torch.cat(list(part[one, 20 : 20 + 2 * frames : 2]), -1) for part in (shot.true, shot.made)], 1)
        for one in range(min(people, len(shot.true)))
    ]
    return (torch.cat(rows, 1) * 255).byte().permute(1, 2, 0)


def main() -> None:
    """Print every figure and write a strip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--long-frames", type=int, default=3000, help="frames of the session that is looked at again at its end")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-package", action="store_true", help="leave out what needs the exported package")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    model, autoencoder, probe = load_world(), load_autoencoder(), load_probe()
    shot = take(model, autoencoder, flags.people, flags.frames)
    report: dict[str, object] = {"people": flags.people, "frames": flags.frames - SETTLED, "steps": STEPS}
    report |= {"probe_r_squared": r_squared(probe), "face_check": face_check_scores(probe)} | lips(probe, shot) | looks(probe, shot)
    for name, value in report.items():
        print(f"{name:32} {value if isinstance(value, dict | int) else round(value, 4)}", flush=True)
    Image.fromarray(strip(shot).numpy()).save(SHELF.runs / "evaluate.png", optimize=True)
    if not flags.no_package:
        report["caches"] = compare_caches(probe, min(6, flags.people), flags.frames)
        report["endurance"] = endure(probe, flags.long_frames)
        print(json.dumps({name: report[name] for name in ("caches", "endurance")}, indent=1), flush=True)
    if flags.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
