"""The graphs of the avatar's package as modules with exactly the exported signature."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...autoencoder import Autoencoder
from ...export import Shapes
from ...graphs import CACHE_INPUTS, EMPTY_BIAS, Graph, codec_graphs
from ...transformer import CacheInputs, rotary_table
from .canvas import SIZE
from .listening import FEATURES, SAMPLES, WINDOW, SpeechEncoder
from .model import SIGMAS, AvatarConfig, AvatarModel
from .motion import CONTROLS
from .probe import Probe


class Codec(nn.Module):
    """The autoencoder as the exporter wants it; latents are not rounded."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def encode(self, image: Tensor) -> Tensor:
        """Pictures to latents."""
        return self.model.encoder.continuous(image)

    def decode(self, latent: Tensor) -> Tensor:
        """Latents to pictures."""
        return self.model.decoder(latent.clamp(-1, 1))


class SpeechEncoderGraph(nn.Module):
    """`speech-encoder.onnx`: pcm [1, WINDOW * SAMPLES] to features [1, FEATURES]."""

    def __init__(self, model: SpeechEncoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, pcm: Tensor) -> Tensor:
        """Listen."""
        return self.model(pcm).reshape(1, FEATURES)


class DenoiserGraph(nn.Module):
    """`denoiser.onnx`: one step on one block, against the cache of that step."""

    def __init__(self, model: AvatarModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor, sigma: Tensor, control: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Prediction, keys, values; `rest` is the cache inputs, `reference` and `speech`."""
        cache, (reference, speech) = rest[: len(CACHE_INPUTS)], rest[len(CACHE_INPUTS) :]
        return self.model.forward_cached(sample, sigma, control, CacheInputs(*cache), reference, speech)


class FaceCheckGraph(nn.Module):
    """`face-check.onnx`: rgb, uint8 [1, SIZE, SIZE, 3], to how likely there is a usable face, score [1]."""

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe

    def forward(self, rgb: Tensor) -> Tensor:
        """Look."""
        return self.probe.has_face(rgb.permute(0, 3, 1, 2).float() / 255).sigmoid()


def face_check_graph(probe: Probe) -> Graph:
    """The graph with an example input."""
    generator = torch.Generator().manual_seed(4)
    rgb = torch.randint(0, 256, (1, SIZE, SIZE, 3), dtype=torch.uint8, generator=generator)
    return Graph("faceCheck", "face-check.onnx", FaceCheckGraph(probe), {"rgb": rgb}, ("score",))


def example_cache(config: AvatarConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """Cache inputs for a block of one frame, half of the slots filled."""
    transformer, tokens, slots = config.transformer, config.tokens_per_frame, config.slots
    filled = slots // tokens // 2
    shape = (transformer.layers, transformer.heads, slots, transformer.head_dim)
    bias = torch.full((transformer.layers, slots), EMPTY_BIAS)
    bias[:, : filled * tokens] = 0.0
    places = (torch.arange(slots) // tokens).clamp(max=filled)
    cached = [table.expand(transformer.layers, -1, -1).contiguous() for table in rotary_table(places, transformer)]
    own = rotary_table(torch.full((tokens,), filled), transformer)
    key, value = (torch.randn(*shape, generator=generator) for _ in range(2))
    return dict(zip(CACHE_INPUTS, (key, value, bias, *cached, *own), strict=True))


def avatar_graphs(model: AvatarModel, autoencoder: Autoencoder) -> list[Graph]:
    """All graphs but the compressors, with example inputs."""
    config, generator = model.config, torch.Generator().manual_seed(1)
    cell = (config.channels, config.side, config.side)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    block = {"sample": normal(1, *cell), "sigma": torch.tensor([SIGMAS[-1]]), "control": normal(1, CONTROLS)}
    told = {"reference": normal(1, *cell).clamp(-1, 1), "speech": normal(1, FEATURES)}
    pcm = {"pcm": 0.1 * normal(1, WINDOW * SAMPLES)}
    return [
        Graph("speechEncoder", "speech-encoder.onnx", SpeechEncoderGraph(model.speech), pcm, ("features",)),
        Graph(
            "denoiser", "denoiser.onnx", DenoiserGraph(model), block | example_cache(config, generator) | told,
            ("prediction", "key", "value"),
        ),
        *codec_graphs(Codec(autoencoder), (1, *cell), height=SIZE, width=SIZE),
    ]


def shapes_of(config: AvatarConfig) -> Shapes:
    """What the manifest says of the network."""
    return Shapes(
        topology="entangled",
        latent=(config.channels, config.side, config.side),
        tokens_per_frame=config.tokens_per_frame,
        previous_frames=0,
        features=None,
        transformer=config.transformer,
    )
