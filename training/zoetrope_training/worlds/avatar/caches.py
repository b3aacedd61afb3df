"""The exported package played frame by frame with caches of several kinds, scored against the truth of its dice."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...parity import open_session
from ...player import Floats, run
from .compressor import GROUP, GROUPS, RECENT
from .data import Listener, Plan, draw, plan
from .listening import SAMPLES, WINDOW
from .motion import couple
from .probe import READS, Probe, motion_of
from .session import Folded, Memory, Session, Window
from .speech import tapes
from .train_autoencoder import psnr
from .train_speech import correlation

PACKAGE = Path(__file__).resolve().parents[4] / "models" / "avatar"
SEED = 777
SETTLED = 16
SCORED = ("opening", "yaw", "gaze_x", "lids")

MakeMemory = Callable[[], Memory]


def mean_of(key: Floats, value: Floats) -> tuple[Floats, Floats]:
    """A group folded by its mean: [layers, heads, GROUP * T, D] to [layers, heads, T, D]."""
    fold = lambda part: part.reshape(*part.shape[:2], GROUP, -1, part.shape[-1]).mean(2)
    return fold(key), fold(value)


def kinds_of_cache(directory: Path) -> dict[str, MakeMemory]:
    """Every cache that is compared, by name; those that fold have as many slots as a window of `RECENT + GROUPS`."""
    session = open_session(directory / "compressor.onnx")
    learned = lambda key, value: tuple(run(session, {"group_key": key, "group_value": value}))
    return {
        "window of 16": lambda: Window(16),
        f"window of {RECENT}": lambda: Window(RECENT),
        f"window of {RECENT + GROUPS}": lambda: Window(RECENT + GROUPS),
        "convkv mean": lambda: Folded(RECENT, GROUPS, GROUP, mean_of),
        "convkv learned": lambda: Folded(RECENT, GROUPS, GROUP, learned),  # type: ignore[arg-type, return-value]
    }


def play(session: Session, planned: Plan, one: int, make: MakeMemory, noise: Tensor) -> tuple[np.ndarray, float]:
    """Pictures [frames - 1, h, w, 3] of one clip, and processor milliseconds a frame of the denoiser's passes."""
    frames = planned.dice.shape[1]
    start = draw(planned.who[one : one + 1], planned.reference[one : one + 1])[0].permute(1, 2, 0).numpy()
    session.start(start, 0, [make() for _ in session.sigmas], noise[0].numpy())
    pcm, pictures, spent = planned.pcm[one].numpy(), [], 0.0
    for frame in range(1, frames):
        speech = session.listen(np.ascontiguousarray(pcm[frame * SAMPLES : (frame + WINDOW) * SAMPLES]))
        begun = time.process_time()
        latent = session.next_frame(speech, planned.control[one, frame].numpy(), noise[frame].numpy())
        spent += time.process_time() - begun
        pictures.append(session.decode(latent))
    return np.stack(pictures), 1000 * spent / (frames - 1)


@torch.no_grad()
def compare_caches(probe: Probe, people: int, frames: int, directory: Path = PACKAGE) -> dict[str, dict[str, float]]:
    """Scores of each cache: how pictures and motion agree with the truth of the same dice."""
    generator = torch.Generator().manual_seed(SEED)
    planned = plan(people, frames, Listener(tapes(held_out=True), generator), generator, held_out=True, warp=0.0)
    session = Session(directory)
    noise = couple(torch.randn(people, frames, *session.cell, generator=generator), planned.dice)
    who = planned.who[:, None].expand(-1, frames - SETTLED, -1).flatten(0, 1)
    true = draw(who, planned.motion[:, SETTLED:].flatten(0, 1)).float() / 255
    motion = motion_of(planned.motion[:, SETTLED:])
    table: dict[str, dict[str, float]] = {}
    for name, make in kinds_of_cache(directory).items():
        played = [play(session, planned, one, make, noise[one]) for one in range(people)]
        made = torch.from_numpy(np.stack([pictures[SETTLED - 1 :] for pictures, _ in played])).permute(0, 1, 4, 2, 3).float() / 255
        read = probe(made.flatten(0, 1))[0].unflatten(0, made.shape[:2])
        table[name] = {"psnr": round(psnr(made.flatten(0, 1), true), 3), "ms_a_frame": round(float(np.mean([ms for _, ms in played])), 2)}
        table[name] |= {part: round(correlation(read[..., READS.index(part)], motion[..., READS.index(part)]), 4) for part in SCORED}
    return table


@torch.no_grad()
def endure(probe: Probe, frames: int, directory: Path = PACKAGE) -> dict[str, float]:
    """One session of `frames` frames: is it the same person, as sharp, at its end as in its first ten seconds?"""
    generator = torch.Generator().manual_seed(SEED + 1)
    stretch = 250
    planned = plan(1, stretch, Listener(tapes(held_out=True), generator), generator, held_out=True, warp=0.0)
    start = draw(planned.who, planned.reference)[0].permute(1, 2, 0).numpy()
    session = Session(directory)
    session.start(start, SEED)
    features = [session.listen(np.ascontiguousarray(planned.pcm[0, at * SAMPLES : (at + WINDOW) * SAMPLES].numpy())) for at in range(1, stretch)]
    control = np.array([1, 0, 0, 0, 0.5], np.float32)
    ends: dict[str, list[np.ndarray]] = {"first": [], "last": []}
    for frame in range(frames):
        latent = session.next_frame(features[frame % len(features)], control)
        if frame < stretch or frame >= frames - stretch:
            ends["first" if frame < stretch else "last"].append(session.decode(latent))
    given = probe(torch.from_numpy(start).permute(2, 0, 1)[None].float() / 255)[1]
    report: dict[str, float] = {"frames": frames}
    for name, kept in ends.items():
        pictures = torch.from_numpy(np.stack(kept)).permute(0, 3, 1, 2).float() / 255
        report[f"identity_sim_{name}"] = round(float((probe(pictures)[1] * given).sum(1).mean()), 4)
        report[f"sharpness_{name}"] = round(float(pictures.diff(dim=-1).abs().mean()), 5)
    return report
