"""The causal transformer both topologies share: rotary positions over time, banded attention, adaLN layers.

Two forwards of the same weights: `forward_clip` runs every frame of a clip in parallel behind a block-causal
band mask, `forward_cached` runs one block against cached keys and values. They agree for any length, because
the mask and the positions describe exactly what a rolling sink + window cache holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a causal transformer. The model width is `heads * head_dim`."""

    layers: int = 3
    heads: int = 4
    head_dim: int = 64
    rotary_dim: int = 32
    """How many leading dims of each head turn with time."""
    theta: float = 100.0
    sink_frames: int = 1
    window_frames: int = 7
    frames_per_block: int = 1
    state: bool = False
    """Whether the past is a linear state in place of slots, see `linear_state`; the window is then the own block."""

    @property
    def width(self) -> int:
        """Channels of a token."""
        return self.heads * self.head_dim


def rotary_table(positions: Tensor, config: TransformerConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines for frame positions.

    Shapes: `positions` [n] frames; both results [n, rotary_dim / 2].
    """
    half = config.rotary_dim // 2
    frequencies = config.theta ** (-torch.arange(half, device=positions.device, dtype=torch.float32) / half)
    angles = positions.float()[:, None] * frequencies
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the first 2·R2 dims of every token: (a, b) becomes (a·cos − b·sin, b·cos + a·sin).

    Shapes: `x` [..., n, head_dim]; `cos`, `sin` [n, R2].
    """
    half = cos.shape[-1]
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)


@dataclass(frozen=True)
class Band:
    """Which frames each frame of a clip attends to, and where its sinks sit.

    Shapes: `visible` [T, T] (query, key) bool; `sink_position` [T], the position a query takes when it looks
    at a sink frame, so that sinks come right before the oldest frame of the window.
    """

    visible: Tensor
    sink_position: Tensor


def band(config: TransformerConfig, frames: int, *, fused_tail: bool = False) -> Band:
    """The mask of a rolling cache: own block, the last `window_frames` before it, the first `sink_frames`.

    `fused_tail`: the last block is made in one pass with the commit of the block before it, so it sees the
    cache as it was before that commit, plus that block.
    """
    size, sink, window = config.frames_per_block, config.sink_frames, config.window_frames
    index = torch.arange(frames)
    start = index // size * size  # [T] first frame of the own block
    late = (start == start[-1]) & (start > 0) if fused_tail else torch.zeros(frames, dtype=torch.bool)
    cache_end = torch.where(late, start - size, start)  # frames before it are cached, subject to eviction
    kept = (index[None] >= (cache_end - window)[:, None]) | (index[None] < sink)
    causal = index[None] < (start + size)[:, None]
    cached = cache_end.clamp(max=sink + window)
    return Band(visible=kept & causal, sink_position=cached + (index - cache_end))


class RmsNorm(nn.Module):
    """Root-mean-square norm over the last dim with a learned gain; written out so that it exports as plain ops."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: [..., dim] in and out."""
        scale = torch.rsqrt(x.float().pow(2).mean(dim=-1, keepdim=True) + 1e-6)
        return (x.float() * scale * self.gain).to(x.dtype)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Norm without affine, then scale and shift by the conditioning. Shapes: all [..., width]."""
    return F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift


@dataclass(frozen=True)
class ClipPositions:
    """What `forward_clip` attention needs for one clip length; built once, shared by every layer.

    Shapes: `mask` [T·L, T·L] bool or None (no mask); the tables [T·L, R2]; `is_sink` [T·L, 1] bool.
    `sink_cos` is None while nothing is evicted: sinks then need no position of their own.
    """

    mask: Tensor | None
    cos: Tensor
    sin: Tensor
    sink_cos: Tensor | None
    sink_sin: Tensor | None
    is_sink: Tensor


class Layer(nn.Module):
    """One pre-norm transformer layer: attention and a GELU MLP, both modulated by the frame's conditioning."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = config.heads, config.head_dim
        width = config.width
        self.qkv = nn.Linear(width, 3 * width)
        self.query_norm, self.key_norm = RmsNorm(config.head_dim), RmsNorm(config.head_dim)
        self.proj = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Project tokens [B, n, width] to normed query and key and raw value, each [B, heads, n, head_dim]."""
        qkv = self.qkv(x).reshape(x.shape[0], x.shape[1], 3, self.heads, self.head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return self.query_norm(query), self.key_norm(key), value

    def finish(self, x: Tensor, attended: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        """Add the attention result [B, heads, n, head_dim] and the MLP to the residual stream [B, n, width]."""
        _, _, gate, mlp_shift, mlp_scale, mlp_gate = modulation
        merged = attended.transpose(1, 2).reshape(x.shape[0], x.shape[1], self.heads * self.head_dim)
        x = x + gate * self.proj(merged)
        hidden = F.gelu(self.up(modulate(x, mlp_shift, mlp_scale)), approximate="tanh")
        return x + mlp_gate * self.down(hidden)

    def forward_clip(self, x: Tensor, modulation: tuple[Tensor, ...], positions: ClipPositions) -> Tensor:
        """Attend within the band of a whole clip. Shapes: `x` and each modulation [B, T·L, width]."""
        query, key, value = self.heads_of(modulate(x, modulation[0], modulation[1]))
        return self.finish(x, clip_attention(query, key, value, positions), modulation)

    def forward_cached(
        self, x: Tensor, modulation: tuple[Tensor, ...], past: CachedLayer
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Attend to cached slots and the own block; also return the own un-rotated keys and values.

        Shapes: `x` [1, n, width]; results [1, n, width], [heads, n, head_dim], [heads, n, head_dim].
        """
        query, key, value = (part[0] for part in self.heads_of(modulate(x, modulation[0], modulation[1])))
        keys = torch.cat((past.key, key), dim=1)
        values = torch.cat((past.value, value), dim=1)
        turned = rotate(query, past.query_cos, past.query_sin) * self.head_dim**-0.5
        scores = turned @ rotate(keys, past.cos, past.sin).transpose(-1, -2) + past.bias
        attended = scores.softmax(dim=-1) @ values
        return self.finish(x, attended[None], modulation), key, value


@dataclass(frozen=True)
class CachedLayer:
    """One layer's view of the cache for a block of n tokens.

    Shapes: `key`, `value` [heads, S, head_dim]; `bias` [S + n] or [n, S + n]; `cos`, `sin` [S + n, R2];
    `query_cos`, `query_sin` [n, R2].
    """

    key: Tensor
    value: Tensor
    bias: Tensor
    cos: Tensor
    sin: Tensor
    query_cos: Tensor
    query_sin: Tensor


def clip_attention(query: Tensor, key: Tensor, value: Tensor, positions: ClipPositions) -> Tensor:
    """Masked attention with relative rotary positions. Shapes: all [B, heads, T·L, head_dim].

    A sink's distance to a query is not the difference of their frame numbers once frames between them are
    evicted. Queries therefore carry their rotary dims twice, turned for the window and turned for the sinks,
    and each key answers only one of the two.
    """
    scale = query.shape[-1] ** -0.5
    turned_query, turned_key = (rotate(x, positions.cos, positions.sin) for x in (query, key))
    if positions.sink_cos is None or positions.sink_sin is None:
        return F.scaled_dot_product_attention(turned_query, turned_key, value, positions.mask, scale=scale)
    rotary = 2 * positions.cos.shape[-1]
    for_sinks = rotate(query[..., :rotary], positions.sink_cos, positions.sink_sin)
    spinning, still = turned_key[..., :rotary], turned_key[..., rotary:]
    zero = torch.zeros((), dtype=key.dtype, device=key.device)
    doubled_query = torch.cat((turned_query, for_sinks), dim=-1)
    doubled_key = torch.cat(
        (torch.where(positions.is_sink, zero, spinning), still, torch.where(positions.is_sink, spinning, zero)),
        dim=-1,
    )
    padded = F.pad(value, (0, rotary))
    attended = F.scaled_dot_product_attention(doubled_query, doubled_key, padded, positions.mask, scale=scale)
    return attended[..., : value.shape[-1]]


class CausalTransformer(nn.Module):
    """A stack of layers with one shared adaLN projection and a per-layer bias table."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.layers = nn.ModuleList(self.make_layer(config) for _ in range(config.layers))
        self.modulation = nn.Linear(width, 6 * width)
        self.layer_bias = nn.Parameter(torch.zeros(config.layers, 6 * width))
        self.final = nn.Linear(width, 2 * width)
        self.initialise()

    def make_layer(self, config: TransformerConfig) -> Layer:
        """A fresh layer."""
        return Layer(config)

    def initialise(self) -> None:
        """Start every layer near the identity: gates at a small constant, modulation at zero."""
        for linear in (self.modulation, self.final):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        with torch.no_grad():
            gates = self.layer_bias.view(self.config.layers, 6, -1)
            gates[:, [2, 5]] = 0.5
        for layer in self.layers:
            assert isinstance(layer, Layer)
            for linear in (layer.qkv, layer.proj, layer.up, layer.down):
                nn.init.normal_(linear.weight, std=0.02)
                nn.init.zeros_(linear.bias)

    def forward_clip(
        self, x: Tensor, conditioning: Tensor, *, fused_tail: bool = False, positions: ClipPositions | None = None
    ) -> Tensor:
        """Run all frames of a clip in parallel; `positions` say what sees what, the config's band when absent.

        Shapes: `x` [B, T, L, width] tokens; `conditioning` [B, T, width]; result as `x`.
        """
        batch, frames, tokens, width = x.shape
        positions = positions or clip_positions(self.config, frames, tokens, fused_tail, x.device)
        x = x.reshape(batch, frames * tokens, width)
        base = self.modulation(F.silu(conditioning))
        for layer, bias in zip(self.layers, self.layer_bias, strict=True):
            assert isinstance(layer, Layer)
            spread = (base + bias).repeat_interleave(tokens, dim=1).chunk(6, dim=-1)
            x = layer.forward_clip(x, spread, positions)
        shift, scale = self.final(F.silu(conditioning)).repeat_interleave(tokens, dim=1).chunk(2, dim=-1)
        return modulate(x, shift, scale).reshape(batch, frames, tokens, width)

    def forward_cached(
        self, x: Tensor, conditioning: Tensor, past: CacheInputs, causal_bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the frames of one block (or of a fused pair) against the cache.

        Shapes: `x` [frames, L, width]; `conditioning` [frames, width]; `causal_bias` [n, n] between the own
        n = frames·L tokens, or None when all see each other. Results: as `x`, then keys and values
        [layers, heads, n, head_dim].
        """
        frames, tokens, width = x.shape
        x = x.reshape(1, frames * tokens, width)
        base = self.modulation(F.silu(conditioning))
        views = past.layers(frames * tokens, causal_bias)
        keys: list[Tensor] = []
        values: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            spread = spread_frames(base + self.layer_bias[index], tokens).chunk(6, dim=-1)
            x, key, value = layer.forward_cached(x, spread, views[index])
            keys.append(key)
            values.append(value)
        shift, scale = spread_frames(self.final(F.silu(conditioning)), tokens).chunk(2, dim=-1)
        tokens_out = modulate(x, shift, scale).reshape(frames, tokens, width)
        return tokens_out, torch.stack(keys), torch.stack(values)


def spread_frames(x: Tensor, tokens: int) -> Tensor:
    """Repeat per-frame rows [frames, width] for each token of a frame: [1, frames·tokens, width].

    One frame stays one row, [1, 1, width], and broadcasts.
    """
    if x.shape[0] == 1:
        return x[None]
    return x[:, None].expand(-1, tokens, -1).reshape(1, x.shape[0] * tokens, x.shape[1])


@cache
def clip_positions(
    config: TransformerConfig, frames: int, tokens: int, fused_tail: bool, device: torch.device
) -> ClipPositions:
    """The mask and rotary tables of a clip of `frames` frames with `tokens` tokens each.

    Kept for the life of the process, one entry per clip length.
    """
    plan = band(config, frames, fused_tail=fused_tail)
    index = torch.arange(frames)

    def per_token(x: Tensor) -> Tensor:
        return x.repeat_interleave(tokens, dim=0).to(device)

    cos, sin = rotary_table(index, config)
    sink_cos, sink_sin = rotary_table(plan.sink_position, config)
    compacted = bool((plan.sink_position != index).any()) and config.sink_frames > 0
    everything = bool(plan.visible.all())
    return ClipPositions(
        mask=None if everything else per_token(per_token(plan.visible).T).T.contiguous(),
        cos=per_token(cos),
        sin=per_token(sin),
        sink_cos=per_token(sink_cos) if compacted else None,
        sink_sin=per_token(sink_sin) if compacted else None,
        is_sink=per_token((index < config.sink_frames)[:, None]),
    )


@dataclass(frozen=True)
class CacheInputs:
    """The cache as a graph receives it, all layers.

    Shapes: `key`, `value` [layers, heads, S, head_dim], keys normed and un-rotated; `bias` [layers, S], added to
    the attention scores; `cos`, `sin` [layers, S, R2]; `query_cos`, `query_sin` [n, R2].
    """

    key: Tensor
    value: Tensor
    bias: Tensor
    cos: Tensor
    sin: Tensor
    query_cos: Tensor
    query_sin: Tensor

    def layers(self, tokens: int, causal_bias: Tensor | None) -> list[CachedLayer]:
        """One view a layer, with the tables of cached slots and own tokens side by side."""
        own = torch.zeros(tokens) if causal_bias is None else causal_bias

        def beside_own(bias: Tensor) -> Tensor:
            cached = bias if own.dim() == 1 else bias[None].expand(tokens, -1)
            return torch.cat((cached, own), dim=-1)

        slots = zip(*(part.unbind(0) for part in (self.key, self.value, self.bias, self.cos, self.sin)), strict=True)
        return [
            CachedLayer(
                key, value, beside_own(bias), torch.cat((cos, self.query_cos)), torch.cat((sin, self.query_sin)),
                self.query_cos, self.query_sin,
            )
            for key, value, bias, cos, sin in slots
        ]
