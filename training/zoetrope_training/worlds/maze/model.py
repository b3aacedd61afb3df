"""The sizes of the maze's world model."""

from __future__ import annotations

import torch

from ...checkpoints import averaged
from ...denoiser import DenoiserConfig
from ...level_model import LevelModelConfig, LevelWorldModel
from ...transformer import TransformerConfig
from ...world_model import WorldModelConfig
from . import SHELF, rules

CONFIG = LevelModelConfig(
    world=WorldModelConfig(
        latent_channels=12, height=rules.SIDE, width=rules.SIDE, patch=2, controls=len(rules.CONTROLS),
        previous_frames=2, summary=True, features=48,
        transformer=TransformerConfig(layers=2, heads=2, head_dim=64, rotary_dim=32, sink_frames=0, window_frames=8),
        denoiser=DenoiserConfig(channels=48, depth=4),
    ),
    levels=5,
)


def load_world() -> LevelWorldModel:
    """The trained world model's averaged weights, ready to run.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("world.pt", "run `training/run maze world` first")
    model = LevelWorldModel(CONFIG)
    model.load_state_dict(averaged(torch.load(path)))
    return model.eval()
