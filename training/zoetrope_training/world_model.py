"""World models: what comes next, given the past and the controls, in both topologies.

*Separable*: a causal encoder reads each clean frame once, with the control for the frame to come; its features
condition a small denoiser that runs the steps. *Entangled*: the causal transformer is itself the denoiser.
Both have a parallel forward over clips for training and graph modules with the signatures a package exports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoetrope_training.denoiser import DenoiserConfig, DenoiserShapes, SigmaEmbedding, build_denoiser
from zoetrope_training.linear_state import StateInputs, StateTransformer
from zoetrope_training.transformer import CacheInputs, CausalTransformer, TransformerConfig, band


@dataclass(frozen=True)
class WorldModelConfig:
    """Everything that shapes a world model; kept beside its weights in every checkpoint."""

    topology: Literal["separable", "entangled"] = "separable"
    latent_channels: int = 8
    height: int = 16
    width: int = 16
    patch: int = 2
    """Latent cells per side in one token."""
    controls: int = 4
    """Floats in a control vector."""
    previous_frames: int = 2
    """Clean latents the denoiser is also given (the copy path); 0 for none."""
    summary: bool = False
    """Whether the conditioning of a frame's tokens sees the whole frame, not its control alone, and a denoiser of levels
    the whole of its sample in every cell."""
    features: int = 64
    """Channels of the encoder's features; separable only."""
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    """Separable only."""
    inference_context_sigma: float = 0.0
    """Noise label the exported graphs put on clean latents; a model trained on noisy contexts may want a little."""

    @property
    def tokens_per_frame(self) -> int:
        """Tokens of one latent frame."""
        return (self.height // self.patch) * (self.width // self.patch)

    @property
    def slots(self) -> int:
        """Cache slots, in tokens."""
        return (self.transformer.sink_frames + self.transformer.window_frames) * self.tokens_per_frame

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Channels and grid of the encoder's features."""
        return self.features, self.height // self.denoiser.patch, self.width // self.denoiser.patch


class FrameTokens(nn.Module):
    """Latent frames to tokens: linear patches, a learned place in the picture, the frame's control.

    With a summary, every token's queries and keys know the whole frame from the first layer on: where it was taken,
    and where its control leads.
    """

    def __init__(self, config: WorldModelConfig, channels: int) -> None:
        super().__init__()
        self.patch, width = config.patch, config.transformer.width
        self.project = nn.Linear(channels * config.patch**2, width)
        self.place = nn.Parameter(0.02 * torch.randn(config.tokens_per_frame, width))
        self.control = nn.Linear(config.controls, width)
        self.conditioning = nn.Sequential(nn.Linear(config.controls, width), nn.SiLU(), nn.Linear(width, width))
        self.sigma = SigmaEmbedding(width)
        cells = channels * config.height * config.width
        self.summary = nn.Linear(cells, width) if config.summary else None

    def forward(self, latents: Tensor, control: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: `latents` [n, C, H, W], `control` [n, N], `sigma` [n]; tokens [n, L, width], conditioning [n, width]."""
        patches = F.pixel_unshuffle(latents, self.patch).flatten(2).transpose(1, 2)
        tokens = self.project(patches) + self.place + self.control(control)[:, None]
        if self.summary is None:
            return tokens, self.conditioning(control) + self.sigma(sigma)
        first, *rest = self.conditioning
        hidden = first(control) + self.summary(latents.flatten(1))
        for part in rest:
            hidden = part(hidden)
        return tokens, hidden + self.sigma(sigma)


def to_grid(tokens: Tensor, height: int, width: int, factor: int) -> Tensor:
    """Lay tokens [n, L, c·factor²] back on a grid of `height` × `width` tokens: [n, c, height·factor, width·factor]."""
    grid = tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width)
    return F.pixel_shuffle(grid, factor) if factor > 1 else grid


class CausalEncoder(nn.Module):
    """The once-per-frame pass of the separable topology."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__()
        self.config = config
        self.factor = config.patch // config.denoiser.patch
        self.tokens = FrameTokens(config, config.latent_channels)
        self.transformer = build_transformer(config.transformer)
        self.features = nn.Linear(config.transformer.width, config.features * self.factor**2)

    def forward(self, latents: Tensor, control: Tensor, context_sigma: Tensor) -> Tensor:
        """Features for the frame after each frame of a clip.

        Shapes: `latents` [B, T, C, H, W]; `control` [B, T, N], entry t steers frame t + 1; `context_sigma` [B, T],
        the noise level of each latent; result [B, T, D, h, w].
        """
        batch, frames = latents.shape[:2]
        tokens, conditioning = self.tokens(latents.flatten(0, 1), control.flatten(0, 1), context_sigma.flatten())
        tokens = tokens.unflatten(0, (batch, frames))
        out = self.transformer.forward_clip(tokens, conditioning.unflatten(0, (batch, frames)))
        return self.lay_out(out.flatten(0, 1)).unflatten(0, (batch, frames))

    def forward_cached(self, latent: Tensor, control: Tensor, past: CacheInputs) -> tuple[Tensor, Tensor, Tensor]:
        """The newest frame against the cache: features [1, D, h, w], then its keys and values."""
        sigma = torch.full((1,), self.config.inference_context_sigma)
        out, key, value = self.transformer.forward_cached(*self.tokens(latent, control, sigma), past)
        return self.lay_out(out), key, value

    def forward_state(self, latent: Tensor, control: Tensor, past: StateInputs) -> tuple[Tensor, Tensor]:
        """The newest frame against the state: features [1, D, h, w], then the state after it."""
        assert isinstance(self.transformer, StateTransformer)
        sigma = torch.full((1,), self.config.inference_context_sigma)
        out, state = self.transformer.forward_state(*self.tokens(latent, control, sigma), past)
        return self.lay_out(out), state

    def lay_out(self, tokens: Tensor) -> Tensor:
        """Tokens [n, L, width] to feature grids [n, D, h, w]."""
        config = self.config
        return to_grid(self.features(tokens), config.height // config.patch, config.width // config.patch, self.factor)


class SeparableWorldModel(nn.Module):
    """A causal encoder and a denoiser."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__()
        self.config = config
        channels, height, width = config.feature_shape
        shapes = DenoiserShapes(config.latent_channels, config.previous_frames, channels, height, width)
        self.encoder = CausalEncoder(config)
        self.denoiser = build_denoiser(config.denoiser, shapes)

    def features(self, latents: Tensor, control: Tensor, context_sigma: Tensor | None = None) -> Tensor:
        """See `CausalEncoder.forward`; clean latents when `context_sigma` is left out."""
        sigma = torch.zeros(latents.shape[:2], device=latents.device) if context_sigma is None else context_sigma
        return self.encoder(latents, control, sigma)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        features: Tensor,
        previous: Tensor,
        context_sigma: Tensor | None = None,
    ) -> Tensor:
        """Predict for many frames at once.

        Shapes: `sample` [n, C, H, W]; `sigma`, `context_sigma` [n]; `features` [n, D, h, w];
        `previous` [n, P, C, H, W], newest last; result [n, C, H, W].
        """
        context = torch.full_like(sigma, self.config.inference_context_sigma) if context_sigma is None else context_sigma
        return self.denoiser(sample, sigma, features, previous, context)


class EntangledWorldModel(nn.Module):
    """A causal transformer that is the denoiser: every frame carries its own noise level."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = FrameTokens(config, config.latent_channels * (1 + config.previous_frames))
        self.transformer = build_transformer(config.transformer)
        self.head = nn.Linear(config.transformer.width, config.latent_channels * config.patch**2)
        nn.init.zeros_(self.head.weight)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        control: Tensor,
        previous: Tensor | None = None,
        *,
        fused_tail: bool = False,
    ) -> Tensor:
        """Predict for every frame of a clip in parallel.

        Shapes: `sample` [B, T, C, H, W]; `sigma` [B, T]; `control` [B, T, N], entry t steers frame t;
        `previous` [B, T, P, C, H, W], the clean latents before each frame's block; result [B, T, C, H, W].
        `fused_tail`: see `transformer.band`.
        """
        batch, frames = sample.shape[:2]
        grids = self.with_previous(sample.flatten(0, 1), None if previous is None else previous.flatten(0, 1))
        tokens, conditioning = self.tokens(grids, control.flatten(0, 1), sigma.flatten())
        out = self.transformer.forward_clip(
            tokens.unflatten(0, (batch, frames)), conditioning.unflatten(0, (batch, frames)), fused_tail=fused_tail
        )
        return self.lay_out(out.flatten(0, 1)).unflatten(0, (batch, frames))

    def forward_cached(
        self,
        sample: Tensor,
        sigma: Tensor,
        control: Tensor,
        past: CacheInputs,
        previous: Tensor | None = None,
        causal_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One block, or a clean block and the noisy one after it, against the cache.

        Shapes: `sample` [n, C, H, W]; `sigma` [n]; `control` [n, N]; `previous` [P, C, H, W]; `causal_bias` as
        `CausalTransformer.forward_cached`; prediction [n, C, H, W], then keys and values.
        """
        tokens, conditioning = self.own_tokens(sample, sigma, control, previous)
        out, key, value = self.transformer.forward_cached(tokens, conditioning, past, causal_bias)
        return self.lay_out(out), key, value

    def forward_state(
        self, sample: Tensor, sigma: Tensor, control: Tensor, past: StateInputs, previous: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One block against the state: its prediction, then the state after it. Shapes: as `forward_cached`."""
        assert isinstance(self.transformer, StateTransformer)
        out, state = self.transformer.forward_state(*self.own_tokens(sample, sigma, control, previous), past)
        return self.lay_out(out), state

    def own_tokens(
        self, sample: Tensor, sigma: Tensor, control: Tensor, previous: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Tokens and conditioning of the frames of a pass, which all have the same `previous`."""
        shared = None if previous is None else previous[None].expand(sample.shape[0], -1, -1, -1, -1)
        return self.tokens(self.with_previous(sample, shared), control, sigma)

    def with_previous(self, sample: Tensor, previous: Tensor | None) -> Tensor:
        """Stack the previous latents [n, P, C, H, W] behind the sample's channels."""
        if self.config.previous_frames == 0:
            return sample
        if previous is None:
            raise ValueError("`previous` is required by a model with `previous_frames` above 0")
        return torch.cat((sample, previous.flatten(1, 2)), dim=1)

    def lay_out(self, tokens: Tensor) -> Tensor:
        """Tokens [n, L, width] to predictions [n, C, H, W]."""
        config = self.config
        grid = (config.height // config.patch, config.width // config.patch)
        return to_grid(self.head(tokens), *grid, config.patch)


WorldModel = SeparableWorldModel | EntangledWorldModel


def build_transformer(config: TransformerConfig) -> CausalTransformer:
    """A causal transformer with fresh weights, over slots or over a state."""
    return StateTransformer(config) if config.state else CausalTransformer(config)


def build_world_model(config: WorldModelConfig) -> WorldModel:
    """Make a world model with fresh weights."""
    return SeparableWorldModel(config) if config.topology == "separable" else EntangledWorldModel(config)


def previous_latents(latents: Tensor, count: int, frames_per_block: int = 1) -> Tensor:
    """The last `count` clean latents before each frame's block, newest last.

    Shapes: `latents` [B, T, C, H, W]; result [B, T, count, C, H, W]. Before the clip begins its first frame repeats.
    """
    index = torch.arange(latents.shape[1])
    start = index // frames_per_block * frames_per_block
    wanted = (start[:, None] - count + torch.arange(count)).clamp(min=0)  # [T, count]
    return latents[:, wanted]


def fused_bias(config: WorldModelConfig) -> Tensor:
    """Additive bias between the tokens of a clean block and the noisy block after it: the first never sees the second."""
    size = config.transformer.frames_per_block
    sees_all = TransformerConfig(sink_frames=0, window_frames=2 * size, frames_per_block=size)
    visible = band(sees_all, 2 * size).visible
    per_token = visible.repeat_interleave(config.tokens_per_frame, 0).repeat_interleave(config.tokens_per_frame, 1)
    return torch.where(per_token, 0.0, -1e4)
