"""The graphs of a package as modules with exactly the exported signature, and example inputs for each.

All tensors are float32 with static shapes and batch 1 unless a name says otherwise. Pictures are uint8. The axis of
the cache's slots may be left open, see `SLOT_AXES`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from zoetrope_training.linear_state import StateInputs
from zoetrope_training.transformer import CacheInputs, CausalTransformer, Layer, rotary_table
from zoetrope_training.world_model import (
    EntangledWorldModel,
    SeparableWorldModel,
    WorldModel,
    WorldModelConfig,
    fused_bias,
)

CACHE_INPUTS = (
    "cache_key",
    "cache_value",
    "cache_bias",
    "cache_cos",
    "cache_sin",
    "query_cos",
    "query_sin",
)
"""Cache inputs of every graph that attends, in order."""

STATE_INPUTS = ("cache_state", "query_cos", "query_sin")
"""The same of packages that keep a state."""

SLOT_AXES = {"cache_key": 2, "cache_value": 2, "cache_bias": 1, "cache_cos": 1, "cache_sin": 1}
"""Which axis of a cache input counts slots; left open in packages whose sessions choose how many there are."""

EMPTY_BIAS = -1e4
"""Attention bias of an empty slot."""


class Codec(Protocol):
    """An image autoencoder whose latents are normalised."""

    def encode(self, image: Tensor) -> Tensor:
        """Pictures [n, 3, height, width] in [0, 1] to latents [n, C, H, W]."""
        ...

    def decode(self, latent: Tensor) -> Tensor:
        """Latents [n, C, H, W] to pictures [n, 3, height, width], about [0, 1]."""
        ...


class EncoderGraph(nn.Module):
    """`encoder.onnx`: the newest clean frame and the controls for the frame to come, against the cache."""

    def __init__(self, model: SeparableWorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, latent: Tensor, control: Tensor, *cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features, then the newest frame's keys and values."""
        return self.model.encoder.forward_cached(latent, control, CacheInputs(*cache))


class StateEncoderGraph(nn.Module):
    """`encoder.onnx` of a package that keeps a state."""

    def __init__(self, model: SeparableWorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, latent: Tensor, control: Tensor, *past: Tensor) -> tuple[Tensor, Tensor]:
        """Features, then the state after the newest frame."""
        return self.model.encoder.forward_state(latent, control, StateInputs(*past))


class SeparableDenoiserGraph(nn.Module):
    """`denoiser.onnx` of the separable topology: one step on one frame."""

    def __init__(self, model: SeparableWorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor, sigma: Tensor, features: Tensor, previous: Tensor | None = None) -> Tensor:
        """The prediction; `previous` [P, C, H, W] is absent when the model takes none."""
        given = sample.new_zeros(1, 0, *sample.shape[1:]) if previous is None else previous[None]
        return self.model(sample, sigma, features, given)


class EntangledDenoiserGraph(nn.Module):
    """`denoiser.onnx` of the entangled topology: one step on one block, or the pass that commits it."""

    def __init__(self, model: EntangledWorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor, sigma: Tensor, control: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Prediction, keys, values; `rest` is the cache inputs, then `previous` when the model takes it."""
        previous = rest[len(CACHE_INPUTS)] if self.model.config.previous_frames else None
        return self.model.forward_cached(sample, sigma, control, CacheInputs(*rest[: len(CACHE_INPUTS)]), previous)


class StateDenoiserGraph(nn.Module):
    """`denoiser.onnx` of the entangled topology with a state: one step on one block, or the pass that commits it."""

    def __init__(self, model: EntangledWorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor, sigma: Tensor, control: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """Prediction, then the state after the block; `rest` is the state's inputs, then `previous` if the model takes it."""
        past, previous = rest[: len(STATE_INPUTS)], rest[len(STATE_INPUTS) :]
        return self.model.forward_state(sample, sigma, control, StateInputs(*past), previous[0] if previous else None)


class FusedDenoiserGraph(nn.Module):
    """`denoiser-fused.onnx`: the commit of a clean block and the first step of the block after it, in one pass."""

    def __init__(self, model: EntangledWorldModel) -> None:
        super().__init__()
        if model.config.previous_frames:
            raise ValueError("a fused commit needs a model with `previous_frames` 0")
        self.model = model
        self.register_buffer("causal_bias", fused_bias(model.config), persistent=False)

    def forward(self, sample: Tensor, sigma: Tensor, control: Tensor, *cache: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Prediction, keys and values of both blocks; the first half is the clean block's."""
        assert isinstance(self.causal_bias, Tensor)
        return self.model.forward_cached(sample, sigma, control, CacheInputs(*cache), causal_bias=self.causal_bias)


class WithQueries(nn.Module):
    """A graph over the cache that answers the queries of its pass, too: normed, un-rotated, as the keys are."""

    def __init__(self, graph: nn.Module, transformer: CausalTransformer) -> None:
        super().__init__()
        self.graph, self.transformer = graph, transformer

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the graph answers, then the queries [layers, heads, tokens, head_dim]."""
        queries: list[Tensor] = []

        def listen(module: nn.Module, inputs: tuple[Tensor, ...], query: Tensor) -> None:
            queries.append(query[0])

        layers = [layer for layer in self.transformer.layers if isinstance(layer, Layer)]
        listeners = [layer.query_norm.register_forward_hook(listen) for layer in layers]
        answers = self.graph(*inputs)
        for listener in listeners:
            listener.remove()
        return (*answers, torch.stack(queries))


class DecoderGraph(nn.Module):
    """`decoder.onnx`: latents [F, C, H, W] to pictures, uint8 [F, height, width, 3]."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, latent: Tensor) -> Tensor:
        """Decode, clip, round."""
        image = self.codec.decode(latent).clamp(0, 1) * 255
        return image.round().to(torch.uint8).permute(0, 2, 3, 1)


class ImageEncoderGraph(nn.Module):
    """`image-encoder.onnx`: one picture, uint8 [1, height, width, 3], to a latent [1, C, H, W]."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, rgb: Tensor) -> Tensor:
        """Scale to [0, 1] and encode."""
        return self.codec.encode(rgb.permute(0, 3, 1, 2).float() / 255)


@dataclass(frozen=True)
class Graph:
    """One graph to export: its role in the manifest, its module, example inputs by name, output names."""

    role: str
    file: str
    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]

    def run(self, inputs: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Run the module in PyTorch on `inputs`, or on the example inputs."""
        chosen = self.inputs if inputs is None else inputs
        with torch.no_grad():
            results = self.module.eval()(*(chosen[name] for name in self.inputs))
        results = (results,) if isinstance(results, Tensor) else results
        return dict(zip(self.outputs, results, strict=True))


def with_queries(graph: Graph, model: WorldModel) -> Graph:
    """The same graph with one more output, `query`."""
    transformer = model.encoder.transformer if isinstance(model, SeparableWorldModel) else model.transformer
    return replace(graph, module=WithQueries(graph.module, transformer), outputs=(*graph.outputs, "query"))


def world_model_graphs(model: WorldModel, *, fused: bool = False, queries: bool = False) -> list[Graph]:
    """The graphs of a world model, in manifest order.

    `fused` adds the fused commit of the entangled topology; with `queries`, those that attend answer theirs.
    """
    graphs = plain_graphs(model, fused=fused)
    return [with_queries(graph, model) if queries and "cache_key" in graph.inputs else graph for graph in graphs]


def plain_graphs(model: WorldModel, *, fused: bool) -> list[Graph]:
    """The graphs of a world model without their queries."""
    config = model.config
    generator = torch.Generator().manual_seed(1)
    cell = (config.latent_channels, config.height, config.width)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    previous = {"previous": normal(config.previous_frames, *cell)} if config.previous_frames else {}
    answered = ("state",) if config.transformer.state else ("key", "value")
    if isinstance(model, SeparableWorldModel):
        encoder_inputs = {"latent": normal(1, *cell), "control": normal(1, config.controls)}
        denoiser_inputs = {
            "sample": normal(1, *cell),
            "sigma": torch.tensor([0.5]),
            "features": normal(1, *config.feature_shape),
        }
        return [
            Graph(
                "encoder",
                "encoder.onnx",
                StateEncoderGraph(model) if config.transformer.state else EncoderGraph(model),
                encoder_inputs | example_past(config, 1, generator),
                ("features", *answered),
            ),
            Graph(
                "denoiser",
                "denoiser.onnx",
                SeparableDenoiserGraph(model),
                denoiser_inputs | previous,
                ("prediction",),
            ),
        ]
    frames = config.transformer.frames_per_block

    def block(count: int) -> dict[str, Tensor]:
        return {
            "sample": normal(count, *cell),
            "sigma": torch.linspace(0.0, 1.0, count + 1)[1:],
            "control": normal(count, config.controls),
        } | example_past(config, count, generator)

    outputs = ("prediction", *answered)
    denoiser = StateDenoiserGraph(model) if config.transformer.state else EntangledDenoiserGraph(model)
    graphs = [Graph("denoiser", "denoiser.onnx", denoiser, block(frames) | previous, outputs)]
    if fused:
        module = FusedDenoiserGraph(model)
        graphs.append(Graph("denoiserFused", "denoiser-fused.onnx", module, block(2 * frames), outputs))
    return graphs


def codec_graphs(codec: Codec, latent_shape: tuple[int, int, int, int], *, height: int, width: int) -> list[Graph]:
    """The decoder and the image encoder of a package.

    `latent_shape` is [frames per block, C, H, W]; pictures have `height` × `width` pixels.
    """
    generator = torch.Generator().manual_seed(2)
    latent = torch.randn(*latent_shape, generator=generator)
    rgb = torch.randint(0, 256, (1, height, width, 3), dtype=torch.uint8, generator=generator)
    return [
        Graph("decoder", "decoder.onnx", DecoderGraph(codec), {"latent": latent}, ("rgb",)),
        Graph("imageEncoder", "image-encoder.onnx", ImageEncoderGraph(codec), {"rgb": rgb}, ("latent",)),
    ]


def example_past(config: WorldModelConfig, frames: int, generator: torch.Generator) -> dict[str, Tensor]:
    """What a pass over `frames` frames is given of the past: a state, or slots."""
    transformer = config.transformer
    if not transformer.state:
        return example_cache(config, frames, generator)
    state = torch.randn(transformer.layers, transformer.heads, transformer.head_dim, transformer.head_dim, generator=generator)
    own = torch.arange(frames).repeat_interleave(config.tokens_per_frame)
    return dict(zip(STATE_INPUTS, (state, *rotary_table(own, transformer)), strict=True))


def example_cache(config: WorldModelConfig, frames: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Cache inputs for a pass over `frames` frames: half of the slots filled, the rest empty."""
    transformer, tokens = config.transformer, config.tokens_per_frame
    slots = config.slots
    filled = slots // tokens // 2
    shape = (transformer.layers, transformer.heads, slots, transformer.head_dim)
    bias = torch.full((transformer.layers, slots), EMPTY_BIAS)
    bias[:, : filled * tokens] = 0.0
    cached = torch.arange(slots) // tokens * (torch.arange(slots) < filled * tokens)
    query = filled + torch.arange(frames * tokens) // tokens
    spread = (table.expand(transformer.layers, -1, -1).contiguous() for table in rotary_table(cached, transformer))
    tables = (*spread, *rotary_table(query, transformer))
    key, value = (torch.randn(*shape, generator=generator) for _ in range(2))
    return dict(zip(CACHE_INPUTS, (key, value, bias, *tables), strict=True))
