"""The world model of `rooms`: the generic separable model, answering with what changes since the newest frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints import averaged
from ...denoiser import ConvDenoiser, DenoiserConfig, DenoiserShapes
from ...precision import mixed_precision
from ...transformer import CacheInputs, TransformerConfig
from ...world_model import CausalEncoder, SeparableWorldModel, WorldModelConfig
from . import SHELF
from .codec import CONFIG as AUTOENCODER
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
    previous_frames=1,  # With two, the denoiser sees how the view moved and goes on so, deaf to the keys.
    features=96,
    transformer=TransformerConfig(layers=2, heads=3, sink_frames=0, window_frames=7),
    denoiser=DenoiserConfig(channels=192, depth=4, patch=2),
)
REACH = CONFIG.transformer.layers * CONFIG.transformer.window_frames + 1
"""Frames that the newest frame's features can depend on: each layer looks back by one window."""


class RoomsEncoder(CausalEncoder):
    """A causal encoder that also writes the keys straight into the features: the shortest way to the denoiser."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__(config)
        self.direct = nn.Linear(config.controls, config.features)

    def forward(self, latents: Tensor, control: Tensor, context_sigma: Tensor) -> Tensor:
        """As `CausalEncoder.forward`."""
        return super().forward(latents, control, context_sigma) + self.direct(control)[..., None, None]

    def forward_cached(self, latent: Tensor, control: Tensor, past: CacheInputs) -> tuple[Tensor, Tensor, Tensor]:
        """As `CausalEncoder.forward_cached`."""
        features, key, value = super().forward_cached(latent, control, past)
        return features + self.direct(control)[..., None, None], key, value


class RoomsDenoiser(ConvDenoiser):
    """A convolutional denoiser whose every block is also steered by the mean of the features, and so by the keys."""

    def __init__(self, config: DenoiserConfig, shapes: DenoiserShapes) -> None:
        super().__init__(config, shapes)
        self.steer = nn.Linear(shapes.features, config.channels)

    def forward(
        self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor, context_sigma: Tensor
    ) -> Tensor:
        """As `ConvDenoiser.forward`."""
        patch = self.config.patch
        grids = F.pixel_unshuffle(torch.cat((sample, previous.flatten(1, 2)), 1), patch)
        conditioning = self.sigma(sigma) + self.context_sigma(context_sigma) + self.steer(features.mean((2, 3)))
        hidden = self.stem(torch.cat((grids, features.to(grids.dtype)), 1))
        for block in self.blocks:
            hidden = block(hidden, conditioning)
        return F.pixel_shuffle(self.head(F.silu(self.norm(hidden))), patch)


class RoomsModel(SeparableWorldModel):
    """A separable model whose denoiser predicts the difference to the newest frame, so that standing still is easy."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__(config)
        shapes = DenoiserShapes(config.latent_channels, config.previous_frames, *config.feature_shape)
        self.encoder = RoomsEncoder(config)
        self.denoiser = RoomsDenoiser(config.denoiser, shapes)

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
    with mixed_precision():
        features = model.features(context, control).flatten(0, 1)
        prediction = model(sample.flatten(0, 1), sigma, features, context.flatten(0, 1)[:, None])
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
        made.append(_denoise(model, features, frames[:, -1:], steps, generator))
        frames = torch.cat((frames, made[-1][:, None]), 1)[:, -REACH:]
    return torch.stack(made, 1)


@torch.no_grad()
def predict_next(model: SeparableWorldModel, context: Tensor, control: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """The frame after each true frame of a clip; shapes as `predict`, returns [batch, n, C, H, W]."""
    features = model.features(context, control).flatten(0, 1)
    made = _denoise(model, features, context.flatten(0, 1)[:, None], steps, generator)
    return made.view_as(context)


def _denoise(model: SeparableWorldModel, features: Tensor, previous: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Run the steps of one frame for a batch; shapes as `SeparableWorldModel.forward`."""
    sigmas = (*SIGMAS[steps], 0.0)
    sample = torch.randn(previous[:, -1].shape, generator=generator)
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        clean = model(sample, torch.full((len(sample),), sigma), features, previous)
        sample = sample + (following - sigma) * (sample - clean) / sigma
    return sample


def load_world() -> RoomsModel:
    """The trained model: the average over the last training steps."""
    model = RoomsModel(CONFIG)
    model.load_state_dict(averaged(torch.load(SHELF.find("world.pt", "run `training/run rooms world` first"))))
    return model.eval().requires_grad_(False)
