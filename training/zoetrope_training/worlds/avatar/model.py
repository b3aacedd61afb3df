"""The network that makes somebody speak: a causal transformer that is the denoiser, and convolutions that paint.

Every frame is told the picture that is known of the speaker, what is heard, the controls and a noise level. Sixteen
tokens a frame attend to those of earlier frames at the same noise level (Neighbor Forcing, arXiv:2603.11746) and settle
how the head is held; convolutions over the whole grid then move the known picture there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints import averaged
from ...denoiser import SigmaEmbedding
from ...transformer import CacheInputs, CausalTransformer, TransformerConfig
from . import SHELF
from .canvas import MOTION
from .listening import FEATURES, SpeechEncoder
from .motion import CONTROLS, DICE, OCCASIONS, dice_of, occasions

SIGMAS = (1.0, 0.5)
"""Noise levels of the steps."""
STEPS = 1
"""Steps of a session: the first one is right, the second blurs what it made."""
HELD = 2 * len(MOTION)
"""Numbers that tokens settle on: how the head is held, and how it is held in the reference, in units of `HELD_SCALE`."""
HELD_SCALE = torch.tensor([4.0, 4.0, 20.0, 0.8, 0.5, 2.0, 1.5, 1.5, 1.5, 1.5, 2.0, 1.0, 1.0, 0.5, 0.5])
"""What each column of MOTION is multiplied by."""


@dataclass(frozen=True)
class AvatarConfig:
    """Sizes of the network."""

    channels: int = 12
    side: int = 16
    """Cells of the latent grid in each direction."""
    patch: int = 4
    """Cells in each direction of a token."""
    painter: int = 64
    """Channels of the convolutions."""
    depth: int = 4
    """Residual pairs of convolutions."""
    lifted: int = 32
    """Channels that tokens give each cell."""
    transformer: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(layers=2, heads=2, head_dim=64, rotary_dim=32, sink_frames=0, window_frames=16)
    )

    @property
    def tokens_per_frame(self) -> int:
        """Tokens of one frame."""
        return (self.side // self.patch) ** 2

    @property
    def slots(self) -> int:
        """Cache slots, in tokens."""
        return self.transformer.window_frames * self.tokens_per_frame


class _Pair(nn.Module):
    """Two 3x3 convolutions around an identity, scaled and shifted by what the frame is about."""

    def __init__(self, channels: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(told, 2 * channels)
        nn.init.zeros_(self.second.weight)
        nn.init.normal_(self.film.weight, std=0.02)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Shapes: `x` [n, channels, h, w], `told` [n, told]."""
        scale, shift = self.film(told)[..., None, None].chunk(2, 1)
        return x + self.second(F.silu(self.first(F.silu(x)) * (1 + scale) + shift))


class Painter(nn.Module):
    """Sample, reference and what tokens settled on, to the clean latent."""

    def __init__(self, config: AvatarConfig) -> None:
        super().__init__()
        width = config.transformer.width
        self.patch = config.patch
        self.lift = nn.Linear(width, config.lifted * config.patch**2)
        self.told = nn.Linear(width + HELD, width)
        self.first = nn.Conv2d(2 * config.channels + config.lifted, config.painter, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(1, config.painter, config.side, config.side))
        self.pairs = nn.ModuleList(_Pair(config.painter, width) for _ in range(config.depth))
        self.last = nn.Conv2d(config.painter, config.channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, sample: Tensor, reference: Tensor, tokens: Tensor, held: Tensor, conditioning: Tensor) -> Tensor:
        """Paint.

        Shapes: `sample`, `reference` [n, C, H, W], `tokens` [n, L, width], `held` [n, HELD], `conditioning` [n, width]; returns
        [n, C, H, W].
        """
        cells = self.lift(tokens).transpose(1, 2)
        rows = sample.shape[-2] // self.patch
        lifted = F.pixel_shuffle(cells.unflatten(2, (rows, -1)), self.patch)
        told = F.silu(conditioning + self.told(torch.cat([tokens.mean(1), held], 1)))
        x = self.first(torch.cat([sample, reference, lifted], 1)) + self.place
        for pair in self.pairs:
            x = pair(x, told)
        return reference + self.last(F.silu(x))


class AvatarModel(nn.Module):
    """Speech encoder and denoiser, trained together and exported apart."""

    def __init__(self, config: AvatarConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AvatarConfig()
        width = config.transformer.width
        self.speech = SpeechEncoder()
        self.project = nn.Linear(2 * config.channels * config.patch**2, width)
        self.place = nn.Parameter(0.02 * torch.randn(config.tokens_per_frame, width))
        about = FEATURES + CONTROLS + len(DICE) + OCCASIONS
        self.about = nn.Linear(about, width)
        self.conditioning = nn.Sequential(nn.Linear(about, width), nn.SiLU(), nn.Linear(width, width))
        self.sigma = SigmaEmbedding(width)
        self.transformer = CausalTransformer(config.transformer)
        self.painter = Painter(config)
        self.held = nn.Linear(width, HELD)

    def begin(self, sample: Tensor, sigma: Tensor, reference: Tensor, speech: Tensor, control: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [n, L, width] and conditioning [n, width] of frames.

        Shapes: `sample`, `reference` [n, C, H, W], `sigma` [n], `speech` [n, FEATURES], `control` [n, CONTROLS].
        """
        level = sigma[:, None, None, None]
        dice = dice_of((sample - (1 - level) * reference) / level)
        return self.told(sample, sigma, reference, torch.cat([speech, control, dice, occasions(dice)], 1))

    def told(self, sample: Tensor, sigma: Tensor, reference: Tensor, about: Tensor) -> tuple[Tensor, Tensor]:
        """As `begin`; `about` [n, what is heard, controls, dice and occasions]."""
        patches = F.pixel_unshuffle(torch.cat([sample, reference], 1), self.config.patch).flatten(2).transpose(1, 2)
        tokens = self.project(patches) + self.place + self.about(about)[:, None]
        return tokens, self.conditioning(about) + self.sigma(sigma)

    def forward(
        self, sample: Tensor, sigma: float, reference: Tensor, speech: Tensor, control: Tensor, painted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Frames of whole clips, all at one noise level.

        Shapes: `sample` [B, T, C, H, W], `reference` [B, C, H, W], or as `sample` where it changes, `speech` [B, T, FEATURES], `control` [B, T, CONTROLS];
        `painted` int64 [B, K], the frames whose latents are wanted, all when absent. Returns clean latents [B, K, C, H, W],
        and what tokens settle on [B, T, HELD].
        """
        known = reference if reference.dim() == 5 else reference[:, None].expand_as(sample)
        tokens, held, conditioning = self.hold(sample, sigma, known, speech, control)
        return self.paint((sample, known, tokens, held, conditioning), painted), held

    def paint(self, parts: tuple[Tensor, ...], painted: Tensor | None) -> Tensor:
        """Clean latents [B, K, C, H, W] of the frames `painted`, of all when absent; `parts` as `Painter.forward`, [B, T, ...]."""
        batch = len(parts[0])
        if painted is not None:
            who = torch.arange(batch)[:, None]
            parts = tuple(part[who, painted] for part in parts)
        return self.painter(*(part.flatten(0, 1) for part in parts)).unflatten(0, (batch, -1))

    def hold(
        self, sample: Tensor, sigma: float, known: Tensor, speech: Tensor, control: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens [B, T, L, width] of whole clips, what they settle on [B, T, HELD], and conditioning [B, T, width].

        Shapes: `known` as `sample`, the rest as `forward`.
        """
        batch, frames = sample.shape[:2]
        level = torch.full((batch * frames,), sigma)
        flat = (part.flatten(0, 1) for part in (known, speech, control))
        begun = self.begin(sample.flatten(0, 1), level, *flat)
        tokens, conditioning = (part.unflatten(0, (batch, frames)) for part in begun)
        tokens = self.transformer.forward_clip(tokens, conditioning)
        return tokens, self.held(tokens.mean(2)), conditioning

    def forward_cached(
        self, sample: Tensor, sigma: Tensor, control: Tensor, past: CacheInputs, reference: Tensor, speech: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One block against a cache: latents, keys and values; `reference` [1, C, H, W], the rest as `begin`."""
        known = reference.expand_as(sample)
        tokens, conditioning = self.begin(sample, sigma, known, speech, control)
        tokens, key, value = self.transformer.forward_cached(tokens, conditioning, past)
        return self.painter(sample, known, tokens, self.held(tokens.mean(1)), conditioning), key, value


def denoise_clip(
    model: AvatarModel, noise: Tensor, reference: Tensor, speech: Tensor, control: Tensor, steps: int = STEPS
) -> Tensor:
    """What sessions make whose first frame is the reference: [B, T, C, H, W]; arguments as `AvatarModel.forward`.

    With a cache for each step no frame sees anything of another but samples at its own noise level, so a whole clip can
    be made at once, step by step, and comes out as if it were made frame by frame.
    """
    sample, made = noise, noise
    for step in range(steps):
        made, _ = model(sample, SIGMAS[step], reference, speech, control)
        made = torch.cat([reference[:, None], made[:, 1:]], 1)
        if step + 1 < steps:
            sample = following(sample, made, step)
            sample = torch.cat([begun(reference, noise[:, 0], step + 1)[:, None], sample[:, 1:]], 1)
    return made


def following(sample: Tensor, made: Tensor, step: int) -> Tensor:
    """The sample of the next step, by Euler's rule."""
    now, then = SIGMAS[step], SIGMAS[step + 1]
    return sample + (then - now) * (sample - made) / now


def begun(reference: Tensor, noise: Tensor, step: int) -> Tensor:
    """The start of a session as a step sees it."""
    return (1 - SIGMAS[step]) * reference + SIGMAS[step] * noise


def load_world() -> AvatarModel:
    """The trained model's averaged weights, ready to run.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    model = AvatarModel()
    path = SHELF.find("world.pt", "run `training/run avatar world` first")
    model.load_state_dict(averaged(torch.load(path)))
    return model.eval()
