"""Exported graphs with a rolling cache make the same latents as the whole history behind a band mask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoetrope_training.player import Player

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"


def read_tensor(directory: Path, entry: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    content = np.fromfile(directory / "oracle.f32", dtype="<f4")
    size = int(np.prod(entry["shape"]))
    return content[entry["offset"] : entry["offset"] + size].reshape(entry["shape"])


@pytest.mark.parametrize("name", ["tiny-separable", "tiny-entangled", "tiny-fused"])
def test_cached_rollout_equals_the_masked_full_sequence(name: str) -> None:
    directory = FIXTURES / name
    oracle = json.loads((directory / "oracle.json").read_text())
    start, control = read_tensor(directory, oracle["start"]["latent"]), read_tensor(directory, oracle["control"])

    for entry in oracle["rollouts"]:
        player = Player(directory, sink_frames=entry["sinkFrames"], window_frames=entry["windowFrames"])
        player.start(start, entry["seed"], entry["steps"])
        made = np.stack([player.next_block(vector) for vector in control])

        assert np.abs(made - read_tensor(directory, entry["latents"])).max() < 1e-4


@pytest.mark.parametrize("name", ["tiny-separable", "tiny-entangled"])
def test_a_shorter_window_changes_the_rollout(name: str) -> None:
    directory = FIXTURES / name
    oracle = json.loads((directory / "oracle.json").read_text())
    by_policy = {e["policy"]: read_tensor(directory, e["latents"]) for e in oracle["rollouts"] if e["steps"] == 1}

    differences = np.abs(by_policy["window"] - by_policy["full"]).reshape(len(by_policy["full"]), -1).max(axis=1)

    assert differences[0] == 0
    assert differences[-1] > 1e-2
