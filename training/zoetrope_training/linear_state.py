"""A causal transformer whose memory is a matrix: full attention inside a block, a gated linear recurrence across blocks.

Each head keeps a state S [head_dim, head_dim], however long it has run. A block of n tokens decays it by its own gate,
reads it, and adds what it brings:

    S' = exp(gate) · S,    answer = softmax attention inside the block + q S',    S = S' + KᵀV / (n · head_dim).

Source: ARFlow (gated linear attention between chunks). Keys and queries are normed and, for the state, not turned: what a
state holds has no position, only an age.

Two forwards of the same weights, as in `transformer`: `forward_clip` weighs every earlier token by hand and has no state,
`forward_cached` runs one block against the state.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoetrope_training.transformer import (
    CausalTransformer,
    Layer,
    TransformerConfig,
    modulate,
    rotary_table,
    rotate,
    spread_frames,
)


@dataclass(frozen=True)
class StateInputs:
    """The state as a graph receives it, all layers.

    Shapes: `state` [layers, heads, head_dim, head_dim]; `query_cos`, `query_sin` [n, R2].
    """

    state: Tensor
    query_cos: Tensor
    query_sin: Tensor


class StateLayer(Layer):
    """A layer that reads what came before its block from a state."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.gate = nn.Linear(config.width, config.heads)
        nn.init.zeros_(self.gate.weight)
        nn.init.constant_(self.gate.bias, 3.0)

    def gates(self, x: Tensor) -> Tensor:
        """Log of how much of the state a block leaves, at most 0.

        Shapes: `x` [..., n, width], the block's modulated tokens; result [..., heads].
        """
        return F.logsigmoid(self.gate(x.mean(dim=-2)))

    def within(self, query: Tensor, key: Tensor, value: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Full attention inside one block. Shapes: all [..., heads, n, head_dim]; tables [n, R2]."""
        turned = rotate(query, cos, sin) * self.head_dim**-0.5
        return (turned @ rotate(key, cos, sin).transpose(-1, -2)).softmax(dim=-1) @ value

    def forward_blocks(self, x: Tensor, modulation: tuple[Tensor, ...], size: int, cos: Tensor, sin: Tensor) -> Tensor:
        """Every block of a clip at once, each reading all tokens before it, weighed by the gates in between.

        Shapes: `x` and each modulation [B, N, width], N tokens in blocks of `size`; tables [size, R2].
        """
        tokens = modulate(x, modulation[0], modulation[1])
        batch, count = x.shape[0], x.shape[1] // size
        parts = (part.unflatten(2, (count, size)).transpose(1, 2) for part in self.heads_of(tokens))
        query, key, value = parts  # [B, blocks, heads, size, head_dim]
        passed = self.gates(tokens.unflatten(1, (count, size))).cumsum(1)  # [B, blocks, heads]
        left = (passed[:, :, None] - passed[:, None]).exp()  # [B, reading, read, heads]
        left = left * torch.ones(count, count).tril(-1)[None, :, :, None]
        products = torch.einsum("brhqd,bphkd->brphqk", query, key) * left[..., None, None]
        read = torch.einsum("brphqk,bphkd->brhqd", products, value) / (size * self.head_dim)
        attended = self.within(query, key, value, cos, sin) + read
        merged = attended.transpose(1, 2).reshape(batch, self.heads, count * size, self.head_dim)
        return self.finish(x, merged, modulation)

    def forward_state(
        self, x: Tensor, modulation: tuple[Tensor, ...], state: Tensor, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One block against the state; also return the state after it.

        Shapes: `x` [1, n, width]; `state` [heads, head_dim, head_dim]; tables [n, R2].
        """
        tokens = modulate(x, modulation[0], modulation[1])
        query, key, value = (part[0] for part in self.heads_of(tokens))
        left = state * self.gates(tokens[0]).exp()[:, None, None]
        attended = self.within(query, key, value, cos, sin) + query @ left
        brought = key.transpose(-1, -2) @ value / (x.shape[1] * self.head_dim)
        return self.finish(x, attended[None], modulation), left + brought


class StateTransformer(CausalTransformer):
    """A stack of layers that each keep a state; sinks and window are the own block's alone."""

    def make_layer(self, config: TransformerConfig) -> Layer:
        """A layer with a state."""
        return StateLayer(config)

    def forward_clip(self, x: Tensor, conditioning: Tensor, *, fused_tail: bool = False) -> Tensor:
        """As `CausalTransformer.forward_clip`, without a band: every block sees all before it, through the gates."""
        if fused_tail:
            raise ValueError("a state is committed by a pass of its own")
        batch, frames, tokens, width = x.shape
        size = self.config.frames_per_block
        cos, sin = (table.repeat_interleave(tokens, 0) for table in rotary_table(torch.arange(size), self.config))
        x = x.reshape(batch, frames * tokens, width)
        base = self.modulation(F.silu(conditioning))
        for layer, bias in zip(self.layers, self.layer_bias, strict=True):
            assert isinstance(layer, StateLayer)
            spread = (base + bias).repeat_interleave(tokens, dim=1).chunk(6, dim=-1)
            x = layer.forward_blocks(x, spread, size * tokens, cos, sin)
        shift, scale = self.final(F.silu(conditioning)).repeat_interleave(tokens, dim=1).chunk(2, dim=-1)
        return modulate(x, shift, scale).reshape(batch, frames, tokens, width)

    def forward_state(self, x: Tensor, conditioning: Tensor, past: StateInputs) -> tuple[Tensor, Tensor]:
        """Run the frames of one block against the state.

        Shapes: `x` [frames, L, width]; `conditioning` [frames, width]; results: as `x`, and the state after the block.
        """
        frames, tokens, width = x.shape
        x = x.reshape(1, frames * tokens, width)
        base = self.modulation(F.silu(conditioning))
        states: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, StateLayer)
            spread = spread_frames(base + self.layer_bias[index], tokens).chunk(6, dim=-1)
            x, state = layer.forward_state(x, spread, past.state[index], past.query_cos, past.query_sin)
            states.append(state)
        shift, scale = spread_frames(self.final(F.silu(conditioning)), tokens).chunk(2, dim=-1)
        return modulate(x, shift, scale).reshape(frames, tokens, width), torch.stack(states)
