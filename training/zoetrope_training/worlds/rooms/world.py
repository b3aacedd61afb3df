"""The world model of `rooms`: the generic separable model, answering with what changes since the newest frame."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ...denoiser import DenoiserConfig
from ...level_model import last_frames
from ...transformer import TransformerConfig
from ...world_model import SeparableWorldModel, WorldModelConfig
from .codec import CONFIG as AUTOENCODER
from .codec import RUNS
from .play import Walks
from .rules import KEYS

SIGMAS = {1: (1.0,), 2: (1.0, 0.5), 4: (1.0, 0.75, 0.5, 0.25)}
"""Noise levels of each step count."""
DEFAULT_STEPS = 2
CONFIG = WorldModelConfig(
    latent_channels=AUTOENCODER.channels,
    height=AUTOENCODER.grid,
    width=AUTOENCODER.grid,
    patch=2,
    controls=len(KEYS),
    previous_frames=2,
    features=48,
    transformer=TransformerConfig(layers=2, heads=3, sink_frames=0, window_frames=7),
    denoiser=DenoiserConfig(channels=96, depth=4),
)
REACH = CONFIG.transformer.layers * CONFIG.transformer.window_frames + 1
"""Frames that the newest frame's features can depend on: each layer looks back by one window."""


class RoomsModel(SeparableWorldModel):
    """A separable model whose denoiser predicts the difference to the newest frame, so that standing still is easy."""

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        features: Tensor,
        previous: Tensor,
        context_sigma: Tensor | None = None,
    ) -> Tensor:
        """The clean latent; as `SeparableWorldModel.forward`."""
        return super().forward(sample, sigma, features, previous, context_sigma) + previous[:, -1]


class PoseHead(nn.Module):
    """Reads the coming pose from the features: only a reason for the encoder to know where it is; not exported."""

    def __init__(self) -> None:
        super().__init__()
        channels, height, width = CONFIG.feature_shape
        self.read = nn.Linear(channels * height * width, 5)

    def forward(self, features: Tensor) -> Tensor:
        """Features [n, D, h, w] to (x, y, cos yaw, sin yaw, level), about [-1, 1], [n, 5]."""
        return self.read(features.float().flatten(1))


def pose_targets(walks: Walks) -> Tensor:
    """What `PoseHead` should read for every frame but the first, [n * (frames - 1), 5]."""
    x, y, yaw = walks.pose[:, 1:].unbind(-1)
    level = (2.0 * walks.which - 1)[:, None].expand_as(x)
    return torch.stack((x / 3 - 2, y / 3 - 2, yaw.cos(), yaw.sin(), level), -1).flatten(0, 1)


def predict(model: SeparableWorldModel, context: Tensor, control: Tensor, sample: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Predict every next frame of a clip.

    Shapes: context [batch, n, C, H, W], control [batch, n, keys], sample as context, sigma [batch * n]; returns the
    prediction [batch * n, C, H, W] and the features [batch * n, D, h, w].
    """
    with torch.autocast("cpu", torch.bfloat16):
        features = model.features(context, control).flatten(0, 1)
        prediction = model(sample.flatten(0, 1), sigma, features, last_frames(context).flatten(0, 1))
    return prediction.float(), features


@torch.no_grad()
def roll_out(model: SeparableWorldModel, history: Tensor, control: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Generate frames from true ones, each seeing the generated ones before it.

    The whole reach is run again for each frame, which gives what a cached run gives.

    Shapes: history [n, given, C, H, W]; control [n, given - 1 + made, keys], entry t leads from frame t to t + 1;
    returns [n, made, C, H, W].
    """
    given = history.shape[1]
    frames = history[:, -REACH:]
    made = []
    for index in range(given - 1, control.shape[1]):
        held = control[:, index - frames.shape[1] + 1 : index + 1]
        features = model.features(frames, held)[:, -1]
        made.append(_denoise(model, features, last_frames(frames)[:, -1], steps, generator))
        frames = torch.cat((frames, made[-1][:, None]), 1)[:, -REACH:]
    return torch.stack(made, 1)


def _denoise(model: SeparableWorldModel, features: Tensor, previous: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Run the steps of one frame for a batch; shapes as `SeparableWorldModel.forward`."""
    sigmas = (*SIGMAS[steps], 0.0)
    sample = torch.randn(previous[:, -1].shape, generator=generator)
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        clean = model(sample, torch.full((len(sample),), sigma), features, previous)
        sample = sample + (following - sigma) * (sample - clean) / sigma
    return sample


def load_world(path: Path = RUNS / "world.pt") -> RoomsModel:
    """The trained model: the average over the last training steps."""
    model = RoomsModel(CONFIG)
    kept = torch.load(path)["average"]
    model.load_state_dict({k.removeprefix("module."): v for k, v in kept.items() if k.startswith("module.")})
    return model.eval().requires_grad_(False)
