"""Score the trained `rooms` model against the renderer and write `models/rooms/quality.json` and a strip.

Run: `training/run rooms evaluate`. Every figure stands beside what copying, shuffled keys and the autoencoder give.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ...checkpoints import spent_in_all
from . import SHELF
from .codec import Codec, load_codec
from .level import HELD_OUT_LEVEL, TRAINING_LEVELS, make_level
from .play import Walks, World, make_world, roll
from .probe import GAP, STILL, MotionProbe, motions, train_probe
from .render import render
from .rules import KEYS, step
from .scores import correlation, frames_above, likeness, psnr_by_frame, statistics
from .world import DEFAULT_STEPS, SIGMAS, RoomsModel, load_world, predict_next, roll_out

ROOT = Path(__file__).resolve().parents[4]
Json = dict[str, Any]
GIVEN = 8
"""True pictures a roll-out begins with."""
HORIZONS = (1, 8, 16, 32, 64)
MOVED = 5e-4
"""Squared error to the newest picture above which the next one counts as moving."""
EPISODES_SEED, LEVEL_SEED, DRIFT_SEED, BANK_SEED, LATENCY_SEED, PROBE_SEED = 20_001, 20_002, 20_003, 20_004, 20_005, 20_006
SEGMENTS = ((0, 100), (100, 300), (300, 600), (900, 1000), (1900, 2000))
"""Frames over which a long roll-out is summed up."""
RESPONSE = 0.3
"""Correlation with the true change above which a key press counts as visible."""


@dataclass(frozen=True)
class Subject:
    """What is scored."""

    codec: Codec
    model: RoomsModel


@dataclass(frozen=True)
class Scene:
    """Held-out walks with their true pictures [clips, frames, 3, h, w] and latents."""

    walks: Walks
    truth: Tensor
    latent: Tensor


def draw(world: World, walks: Walks) -> Tensor:
    """The true pictures of walks."""
    return torch.stack([render(world.maps, walks.which, walks.pose[:, t]) for t in range(walks.pose.shape[1])], 1)


@torch.no_grad()
def encode(codec: Codec, pictures: Tensor) -> Tensor:
    """Clips of pictures to clips of latents."""
    return torch.stack([codec.encode(part) for part in pictures.unbind(1)], 1)


@torch.no_grad()
def decode(codec: Codec, latents: Tensor) -> Tensor:
    """Clips of latents to clips of pictures in [0, 1]."""
    return torch.stack([codec.decode(part).clamp(0, 1) for part in latents.unbind(1)], 1)


def make_scene(subject: Subject, world: World, clips: int, frames: int, seed: int) -> Scene:
    """Walk, draw and encode."""
    walks = roll(world, clips, frames, torch.Generator().manual_seed(seed))
    truth = draw(world, walks)
    return Scene(walks, truth, encode(subject.codec, truth))


def rolled(subject: Subject, scene: Scene, control: Tensor, steps: int, made: int) -> Tensor:
    """Generated pictures after the first GIVEN true ones."""
    noise = torch.Generator().manual_seed(7)
    latents = roll_out(subject.model, scene.latent[:, :GIVEN], control[:, : GIVEN - 1 + made], steps, noise)
    return decode(subject.codec, latents)


def at_horizons(curve: Tensor) -> list[float]:
    """A curve's values at HORIZONS, as far as it goes."""
    return [round(float(curve[h - 1]), 2) for h in HORIZONS if h <= len(curve)]


def roll_out_scores(subject: Subject, scene: Scene, made: dict[int, Tensor]) -> Json:
    """Roll-outs of each step count against copying the newest true picture, shuffled keys and the ceiling."""
    truth = scene.truth[:, GIVEN:]
    frames = truth.shape[1]
    last = scene.truth[:, GIVEN - 1 : GIVEN].expand_as(truth)
    shuffled = scene.walks.control.clone()
    shuffled[:, GIVEN - 1 :] = shuffled.roll(len(shuffled) // 2 + 1, 0)[:, GIVEN - 1 :]
    wrong = rolled(subject, scene, shuffled, DEFAULT_STEPS, frames)
    curves = {steps: psnr_by_frame(pictures, truth) for steps, pictures in made.items()}
    copy = psnr_by_frame(last, truth)
    return {
        "clips": len(truth),
        "givenFrames": GIVEN,
        "horizons": [h for h in HORIZONS if h <= frames],
        "model": {str(steps): at_horizons(curve) for steps, curve in curves.items()},
        "copyLast": at_horizons(copy),
        "shuffledKeys": at_horizons(psnr_by_frame(wrong, truth)),
        "autoencoder": at_horizons(psnr_by_frame(decode(subject.codec, scene.latent[:, GIVEN:]), truth)),
        "framesAboveCopyLast": {str(steps): frames_above(curve, copy) for steps, curve in curves.items()},
    }


def next_frame_scores(subject: Subject, scene: Scene) -> Json:
    """The next picture after true ones, where something moves."""
    noise = torch.Generator().manual_seed(8)
    target, before = scene.truth[:, 1:], scene.truth[:, :-1]
    moves = (target - before).square().mean((2, 3, 4)) > MOVED
    wrong = scene.walks.control.roll(len(target) // 2 + 1, 0)

    def quality(pictures: Tensor) -> float:
        return round(float(-10 * (pictures - target).square().mean((2, 3, 4))[moves].mean().log10()), 2)

    def next_pictures(control: Tensor, steps: int) -> Tensor:
        return decode(subject.codec, predict_next(subject.model, scene.latent[:, :-1], control, steps, noise))

    return {
        "pictures": int(moves.sum()),
        "model": {str(steps): quality(next_pictures(scene.walks.control, steps)) for steps in SIGMAS},
        "copyLast": quality(before),
        "shuffledKeys": quality(next_pictures(wrong, DEFAULT_STEPS)),
        "autoencoder": quality(decode(subject.codec, scene.latent[:, 1:])),
    }


def following_scores(probe: MotionProbe, scene: Scene, pictures: Tensor) -> Json:
    """How often the probe reads the motion that the keys ask for.

    Shapes: pictures [clips, frames, 3, h, w], the scene's frames from GIVEN - 1 on.
    """
    truth = motions(scene.walks)
    first, count = GIVEN - 1, pictures.shape[1] - GAP
    push, turn = probe.read(pictures)
    steady = truth.steady[:, first : first + count]

    def share(read: Tensor, wanted: Tensor) -> tuple[float, int]:
        wanted = wanted[:, first : first + count]
        decisive = steady & (wanted != STILL)
        return round(float((read == wanted)[decisive].float().mean()), 4), int(decisive.sum())

    (turned, turns), (pushed, pushes) = share(turn, truth.turn), share(push, truth.push)
    return {"turn": turned, "turns": turns, "push": pushed, "pushes": pushes}


def action_scores(subject: Subject, world: World, scene: Scene, made: Tensor, probe_steps: int) -> Json:
    """Action following on true, reconstructed and generated pictures, early and late, and with shuffled keys."""
    probe = train_probe(world, probe_steps, PROBE_SEED)
    start, whole = scene.truth[:, GIVEN - 1 : GIVEN], made.shape[1]
    true_clip = scene.truth[:, GIVEN - 1 :]
    shuffled = Scene(
        Walks(scene.walks.which, scene.walks.pose.roll(1, 0), scene.walks.control.roll(1, 0)), scene.truth, scene.latent
    )
    generated = torch.cat((start, made), 1)
    early = min(16, whole)
    return {
        "gapFrames": GAP,
        "truePictures": following_scores(probe, scene, true_clip),
        "reconstructed": following_scores(probe, scene, decode(subject.codec, scene.latent[:, GIVEN - 1 :])),
        f"generated1to{early}": following_scores(probe, scene, generated[:, : early + 1]),
        f"generated1to{whole}": following_scores(probe, scene, generated),
        "shuffledKeys": following_scores(probe, shuffled, generated),
    }


def latency_scores(subject: Subject, world: World, clips: int) -> Json:
    """Frames from a key press to its visible effect, against the same roll-out without the press."""
    generator = torch.Generator().manual_seed(LATENCY_SEED)
    idle, after = 4, 6
    walks = roll(world, clips, GIVEN, generator)
    latent = encode(subject.codec, draw(world, walks))
    result: Json = {"trueFrames": 1, "responseCorrelation": RESPONSE}
    for key in ("forward", "right"):
        still = torch.zeros(clips, idle + after, len(KEYS))
        pressed = still.clone()
        pressed[:, idle:, KEYS.index(key)] = 1
        pose, change = walks.pose[:, -1], []
        for control in pressed[:, idle:].unbind(1):
            pose = step(world.maps, walks.which, pose, control)
            change.append(render(world.maps, walks.which, pose) - render(world.maps, walks.which, walks.pose[:, -1]))
        outcomes = []
        for control in (still, pressed):
            held = torch.cat((walks.control, control), 1)
            outcomes.append(decode(subject.codec, roll_out(subject.model, latent, held, DEFAULT_STEPS, torch.Generator().manual_seed(9))))
        response = (outcomes[1] - outcomes[0])[:, idle:]
        follows = torch.stack([correlation(response[:, t], change[t]) for t in range(after)], 1) > RESPONSE
        counts = change[0].flatten(1).norm(dim=1) > 0
        first = torch.where(follows.any(1), follows.float().argmax(1) + 1, after + 1)[counts].float()
        result[key] = {
            "presses": int(counts.sum()), "medianFrames": float(first.median()),
            "withinOneFrame": round(float((first <= 1).float().mean()), 3),
            "withinTwoFrames": round(float((first <= 2).float().mean()), 3),
        }
    return result


def drift_scores(subject: Subject, world: World, clips: int, frames: int) -> Json:
    """Luminance, saturation, detail and likeness to true views along a long roll-out, beside the true walk's."""
    scene = make_scene(subject, world, clips, GIVEN + frames, DRIFT_SEED)
    views = roll(world, 64, 200, torch.Generator().manual_seed(BANK_SEED))
    bank = draw(world, Walks(views.which, views.pose[:, ::8], views.control)).flatten(0, 1)
    made = rolled(subject, scene, scene.walks.control, DEFAULT_STEPS, frames)
    truth = scene.truth[:, GIVEN:]
    rows = []
    for first, last in SEGMENTS:
        if last > frames:
            break
        parts = {"generated": made[:, first:last].flatten(0, 1), "true": truth[:, first:last].flatten(0, 1)}
        row: Json = {"frames": [first, last]}
        for name, part in parts.items():
            row[name] = {k: round(v, 5) for k, v in statistics(part).items()} | {"likeness": round(likeness(part, bank), 3)}
        rows.append(row)
    upside_down = truth[:, : SEGMENTS[0][1]].flatten(0, 1).flip(-2)
    baseline = {"likenessUpsideDown": round(likeness(upside_down, bank), 3)}
    return {"clips": clips, "frames": frames, "segments": rows} | baseline


def write_strip(path: Path, scene: Scene, made: Tensor, clip: int) -> None:
    """One clip, true above generated, at frames that grow apart."""
    shown = [t for t in (1, 2, 4, 8, 12, 16, 24, 32, 48, 64) if t <= made.shape[1]]
    rows = [torch.cat([part[clip, t - 1] for t in shown], -1) for part in (scene.truth[:, GIVEN:], made)]
    picture = Image.fromarray((torch.cat(rows, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST).save(path, optimize=True)


def set_scores(subject: Subject, world: World, seed: int, clips: int, frames: int) -> tuple[Json, Scene, Tensor]:
    """Next-frame and roll-out scores on one set of held-out walks; also the default roll-out."""
    scene = make_scene(subject, world, clips, GIVEN + frames, seed)
    made = {steps: rolled(subject, scene, scene.walks.control, steps, frames) for steps in SIGMAS}
    scores: Json = {"nextFrame": next_frame_scores(subject, scene), "rollOut": roll_out_scores(subject, scene, made)}
    return scores, scene, made[DEFAULT_STEPS]


def machine() -> Json:
    """What this ran on."""
    return {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "torch": torch.__version__}


def main() -> None:
    """Evaluate and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with the headline figures as one line of JSON")
    parser.add_argument("--output", type=Path, default=ROOT / "models" / "rooms" / "quality.json")
    parser.add_argument("--strip", type=Path, default=ROOT / "docs" / "pictures" / "rooms-strip.png")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--drift-frames", type=int, default=2000)
    parser.add_argument("--probe-steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    subject = Subject(load_codec(), load_world())
    trained, unseen = (make_world([make_level(s) for s in seeds]) for seeds in (TRAINING_LEVELS, (HELD_OUT_LEVEL,)))
    report: Json = {"format": "zoetrope.quality/1", "package": "rooms", "unit": "dB unless named", "machine": machine()}
    report["training"] = {
        name: spent_in_all(torch.load(SHELF.find(f"{name}.pt", "train it")))
        for name in ("autoencoder", "world")
    }
    say = lambda name, part: print(name, json.dumps(part), flush=True)
    episodes, scene, made = set_scores(subject, trained, EPISODES_SEED, flags.clips, flags.frames)
    report["heldOutWalks"] = episodes
    say("held-out walks of the trained levels", episodes)
    write_strip(flags.strip, scene, made, best_clip(scene))
    report["heldOutLevel"], _, _ = set_scores(subject, unseen, LEVEL_SEED, flags.clips // 2, flags.frames)
    say("held-out level", report["heldOutLevel"])
    report["following"] = action_scores(subject, trained, scene, made, flags.probe_steps)
    say("action following", report["following"])
    report["latency"] = latency_scores(subject, trained, flags.clips)
    say("latency", report["latency"])
    report["drift"] = drift_scores(subject, trained, 4, flags.drift_frames)
    say("drift", report["drift"])
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    flags.output.write_text(json.dumps(report, indent=2) + "\n")
    if flags.json:
        print(json.dumps(headline(report)))


def headline(report: Json) -> Json:
    """The figures that matter most, by flat names; of the default number of steps, dB unless named otherwise.

    Those at 16 frames are left out of a shorter evaluation.
    """
    steps = str(DEFAULT_STEPS)
    figures: Json = {}
    for name, key in (("held_out_walks", "heldOutWalks"), ("held_out_level", "heldOutLevel")):
        following, rolled_out = report[key]["nextFrame"], report[key]["rollOut"]
        figures |= {
            f"next_frame_psnr_{name}": following["model"][steps],
            f"next_frame_over_copy_last_{name}": round(following["model"][steps] - following["copyLast"], 2),
            f"autoencoder_ceiling_{name}": following["autoencoder"],
            f"frames_above_copy_last_{name}": rolled_out["framesAboveCopyLast"][steps],
        }
        if 16 not in rolled_out["horizons"]:
            continue
        at = rolled_out["horizons"].index(16)
        model, shuffled, copied = rolled_out["model"][steps][at], rolled_out["shuffledKeys"][at], rolled_out["copyLast"][at]
        figures |= {
            f"psnr_16_{name}": model,
            f"psnr_16_over_shuffled_keys_{name}": round(model - shuffled, 2),
            f"psnr_16_over_copy_last_{name}": round(model - copied, 2),
        }
    return figures


def best_clip(scene: Scene) -> int:
    """The clip whose true pictures change most: a strip should show motion, not skill."""
    return int((scene.truth[:, 1:] - scene.truth[:, :-1]).square().mean((1, 2, 3, 4)).argmax())


if __name__ == "__main__":
    main()
