"""Training a causal encoder for a memory without order: clips made of segments that know one another as memory.

A clip is several segments, each of a few consecutive frames of one episode, in any order. Within a segment a frame
attends to the frames before it at their distance in time, as to a cache's window. To every frame of an earlier
segment it attends as to a memory slot: at one distance, that of position 0 from position `window_frames`, however
old. So every frame is at once a target and something to be remembered by the segments after it.

This is the "clamped" position scheme of a package: the own frame at position W = `window_frames`, a cached frame of
age a at position max(0, W - a).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from zoetrope_training.autoencoder import hats
from zoetrope_training.level_model import LevelWorldModel
from zoetrope_training.transformer import CausalTransformer, Layer, TransformerConfig, modulate, rotary_table, rotate

HIDDEN = -1e4
"""Attention bias of what is not there."""


def segment_of(lengths: tuple[int, ...]) -> Tensor:
    """The segment that each frame of a clip belongs to: int64 [T]."""
    return torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))


def place_of(lengths: tuple[int, ...]) -> Tensor:
    """Each frame's place in its segment: int64 [T]."""
    return torch.cat([torch.arange(length) for length in lengths])


def visible(lengths: tuple[int, ...]) -> Tensor:
    """Which frames (columns) each frame (rows) attends to: bool [T, T]."""
    index, segment = torch.arange(sum(lengths)), segment_of(lengths)
    return (segment[:, None] > segment) | ((segment[:, None] == segment) & (index[:, None] >= index))


class SegmentAttention:
    """Attention over one clip layout: near keys by their place in the segment, far ones at one distance."""

    def __init__(self, config: TransformerConfig, lengths: tuple[int, ...], tokens: int) -> None:
        if max(lengths) > config.window_frames + 1:
            raise ValueError(f"a segment of {max(lengths)} frames is longer than a window of {config.window_frames} and its query")
        spread = lambda table: table.repeat_interleave(tokens, 0)
        self._near = tuple(spread(table) for table in rotary_table(place_of(lengths), config))
        self._far = rotary_table(torch.tensor([config.window_frames]), config)
        self._ends = [tokens * sum(lengths[: index + 1]) for index in range(len(lengths))]
        self._tokens = tokens
        self._scale = config.head_dim**-0.5

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, memory_bias: Tensor, wanted: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, and say how much of the attention fell where it was wanted.

        Shapes: all [B, heads, T·L, head_dim]; `memory_bias` [B, 1, 1, T·L] is added where a key is memory; `wanted`
        bool [B, T, T], frames (columns) that tokens of a frame (rows) should look at in their own place. Results as
        `query`, and [B, heads, T, L].
        """
        near_query, near_key = rotate(query, *self._near), rotate(key, *self._near)
        far_query = rotate(query, *self._far)
        parts, masses, begin = [], [], 0
        for end in self._ends:
            own = near_query[:, :, begin:end] @ near_key[:, :, begin:end].transpose(-1, -2)
            scores = own * self._scale + self._causal(end - begin).to(own.dtype)
            if begin:
                far = far_query[:, :, begin:end] @ key[:, :, :begin].transpose(-1, -2)
                scores = torch.cat([far * self._scale + memory_bias[..., :begin].to(own.dtype), scores], -1)
            share = scores.softmax(-1)
            parts.append(share @ value[:, :, :end])
            if wanted is not None:
                frames = slice(begin // self._tokens, end // self._tokens)
                apart = share.unflatten(3, (-1, self._tokens)).unflatten(2, (-1, self._tokens))
                own_place = apart.diagonal(dim1=3, dim2=5)  # [B, heads, queries, keys, L]
                masses.append((own_place * wanted[:, None, frames, : frames.stop, None]).sum(3))
            begin = end
        return torch.cat(parts, 2), torch.cat(masses, 2) if masses else None

    def _causal(self, tokens: int) -> Tensor:
        """Additive mask [tokens, tokens] of one segment, causal by whole frames."""
        frame = torch.arange(tokens) // self._tokens
        return torch.where(frame[:, None] >= frame, 0.0, HIDDEN)


def run_segments(
    transformer: CausalTransformer, x: Tensor, conditioning: Tensor, lengths: tuple[int, ...], counts: Tensor,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Run all frames of a clip of segments in parallel.

    Shapes: `x` [B, T, L, width] tokens; `conditioning` [B, T, width]; `counts` [B, T], for how many frames each
    stands once it is memory; `wanted` as for `SegmentAttention`. Results as `x`, and the first layer's attention
    that fell where it was wanted, [B, heads, T, L].
    """
    batch, frames, tokens, width = x.shape
    attention = SegmentAttention(transformer.config, lengths, tokens)
    bias = counts.log().repeat_interleave(tokens, 1)[:, None, None]
    x = x.reshape(batch, frames * tokens, width)
    spread = lambda part: part.repeat_interleave(tokens, dim=1)
    base = transformer.modulation(F.silu(conditioning))
    first: Tensor | None = None
    for layer, layer_bias in zip(transformer.layers, transformer.layer_bias, strict=True):
        assert isinstance(layer, Layer)
        modulation = spread(base + layer_bias).chunk(6, dim=-1)
        query, key, value = layer.heads_of(modulate(x, modulation[0], modulation[1]))
        attended, mass = attention(query, key, value, bias, wanted if first is None else None)
        first = mass if first is None else first
        x = layer.finish(x, attended, modulation)
    shift, scale = spread(transformer.final(F.silu(conditioning))).chunk(2, dim=-1)
    return modulate(x, shift, scale).reshape(batch, frames, tokens, width), first


def segment_features(
    model: LevelWorldModel, latents: Tensor, control: Tensor, lengths: tuple[int, ...], counts: Tensor,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Features for the frame after each frame of a clip of segments, and where attention fell, as `run_segments`.

    Shapes: `latents` [B, T, C, H, W]; `control` [B, T, N]; `counts` [B, T]; features [B, T, D, h, w].
    """
    encoder, (batch, frames) = model.encoder, latents.shape[:2]
    grids = hats(latents.flatten(0, 1), model.levels)
    tokens, conditioning = encoder.tokens(grids, control.flatten(0, 1), torch.zeros(batch * frames))
    tokens, conditioning = tokens.unflatten(0, (batch, frames)), conditioning.unflatten(0, (batch, frames))
    out, mass = run_segments(encoder.transformer, tokens, conditioning, lengths, counts, wanted)
    return encoder.lay_out(out.flatten(0, 1)).unflatten(0, (batch, frames)), mass


def last_two(latents: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """Each frame and the one before it in its segment: [B, T, ...] to [B, T, 2, ...]; a segment's first is doubled."""
    index = torch.arange(sum(lengths))
    before = index - (place_of(lengths) > 0).long()
    return torch.stack([latents[:, before], latents], 2)
