"""Score what the maze's model remembers under every cache policy, beside full memory and chance.

Run: `training/run maze evaluate --json`

Truth streams in and the model draws what is behind each door (`recall`); then it walks on its own pictures
(`closed`). Slots are those of memory; the window of raw frames comes on top for every policy alike.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from PIL import Image

from .tiles import TileAutoencoder
from ...level_model import LevelWorldModel
from ...memory import Memory, Merged, Stream
from . import SHELF
from .closed import ClosedWalk
from .data import Episodes, latents
from .model import load_world
from .probe import CHANCE
from .recall import Score, ages_of, chance_of, policies, recall, walks_of
from .rollout import denoise
from .train_autoencoder import load_autoencoder
from .train_compressor import load_compressors

SEED = 4242
THRESHOLD = 0.95
"""Cosine of keys above which tokens of one place are merged."""


@torch.no_grad()
def next_frames(model: LevelWorldModel, episodes: Episodes, frames: int) -> dict[str, float]:
    """Shares of cells right after one frame where something moved and no door was taken; copying the last gets none."""
    config = model.config
    stream = Stream(model, Memory(config.transformer, len(episodes.codes), config.tokens_per_frame, None))
    clip = latents(episodes.codes[:, : frames + 1], model.levels)
    hits = cases = still = stays = 0
    generator = torch.Generator().manual_seed(SEED)
    for frame in range(frames):
        before = clip[:, max(0, frame - 1)]
        features = stream.features(clip[:, frame], episodes.control[:, frame])
        made = denoise(model, features, torch.stack([before, clip[:, frame]], 1), torch.randn(before.shape, generator=generator))
        right = (made == clip[:, frame + 1]).all(1)
        inside = ~episodes.crosses[:, frame, None, None]
        changed = (clip[:, frame + 1] != clip[:, frame]).any(1)
        hits += int((right & changed & inside).sum())
        cases += int((changed & inside).sum())
        still += int((right & ~changed & inside).sum())
        stays += int((~changed & inside).sum())
    return {"changed_cells_right": hits / max(1, cases), "copy_last": 0.0, "other_cells_right": still / max(1, stays)}


def memory_table(
    model: LevelWorldModel, autoencoder: TileAutoencoder, episodes: Episodes, slots: int, threshold: float, names: list[str]
) -> dict[str, object]:
    """Shares of attributes right by policy and age."""
    made = policies(model, load_compressors() if any("learned" in name for name in names) else None, threshold)
    table: dict[str, object] = {}
    for name in names:
        begun = time.monotonic()
        memory = made[name](len(episodes.codes), slots)
        scores = recall(model, autoencoder, episodes, memory, SEED)
        table[name] = {age: score.table() for age, score in scores.items()}
        held = f", {memory.held.float().mean((1)).tolist()} slots held a layer" if isinstance(memory, Merged) else ""
        line = "  ".join(f"{age}: {score.share:.3f}" for age, score in scores.items())
        print(f"{name:26} {line}  ({time.monotonic() - begun:.0f} s{held})", flush=True)
        if "chance" not in table:
            table["chance"] = {age: {"attributes": round(chance_of(score), 4)} for age, score in scores.items()}
    return table


def walk_table(model: LevelWorldModel, autoencoder: TileAutoencoder, walks: int, frames: int, slots: int, name: str) -> dict[str, object]:
    """Walks on the model's own pictures under one policy."""
    memory = policies(model, load_compressors() if "learned" in name else None, THRESHOLD)[name](walks, slots)
    walk = ClosedWalk(model, autoencoder, memory, walks, SEED)
    for _ in range(frames):
        walk.step()
    ages: dict[str, Score] = walk.scores
    table = {
        "frames": walk.frames, "player_once_and_nothing_odd": round(walk.whole / walk.frames, 4),
        "steps_as_the_rules_say": round(walk.obeyed / max(1, walk.steps), 4),
        "returns": {age: score.table() for age, score in ages.items()},
    }
    print(f"walk, {name}: {json.dumps(table)}", flush=True)
    return table


@torch.no_grad()
def strip(model: LevelWorldModel, autoencoder: TileAutoencoder, episodes: Episodes, path: Path, least_age: int) -> None:
    """True rooms above what the model draws as their doors are taken again after a long time."""
    config = model.config
    stream = Stream(model, Memory(config.transformer, len(episodes.codes), config.tokens_per_frame, None))
    ages, columns = ages_of(episodes.room), []
    before = latents(episodes.codes[:, 0], model.levels)
    for frame in range(episodes.control.shape[1]):
        now = latents(episodes.codes[:, frame], model.levels)
        features = stream.features(now, episodes.control[:, frame])
        for who in (episodes.crosses[:, frame] & (ages[:, frame] >= least_age)).nonzero()[:, 0].tolist():
            one = slice(who, who + 1)
            made = denoise(model, features[one], torch.stack([before, now], 1)[one], torch.randn(now[one].shape))
            true = latents(episodes.codes[one, frame + 1], model.levels)
            pair = [autoencoder.decoder(part).clamp(0, 1)[0] for part in (true, made)]
            columns.append(torch.cat(pair, 1))
        before = now
        if len(columns) >= 10:
            break
    if not columns:
        return
    picture = (torch.cat(columns[:10], 2) * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(picture).save(path, optimize=True)


def main() -> None:
    """Print every table and write a strip of returns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=16)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=512, help="slots of memory in each layer, the window not counted")
    parser.add_argument("--threshold", type=float, default=THRESHOLD)
    parser.add_argument("--policies", nargs="*", help="names of policies; all by default")
    parser.add_argument("--own-frames", type=int, default=600, help="frames of the walks on the model's own pictures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    autoencoder, model = load_autoencoder(), load_world()
    episodes = walks_of(flags.walks, flags.frames, SEED)
    trained = SHELF.newest("compressor.pt") is not None
    names = flags.policies or [n for n in policies(model, None, 0) if n] + (["convkv learned raster", "convkv learned temporal"] if trained else [])
    report: dict[str, object] = {
        "slots": flags.slots, "chance": CHANCE,
        "memory": memory_table(model, autoencoder, episodes, flags.slots, flags.threshold, names),
        "next_frame": next_frames(model, episodes, min(200, flags.frames - 1)),
    }
    print("next frame:", json.dumps(report["next_frame"]), flush=True)
    if flags.own_frames > 0:
        report["walks"] = {n: walk_table(model, autoencoder, flags.walks, flags.own_frames, flags.slots, n) for n in ("full", "tempcache")}
    strip(model, autoencoder, episodes, SHELF.runs / "returns.png", 200)
    if flags.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
