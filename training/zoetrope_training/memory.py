"""Stream many episodes at once through a causal encoder whose old frames become memory, in PyTorch.

The newest frames stay as they came; what becomes of older ones is a `Memory`. These are the memories of the engine
(`src/cache`), batched, so that a model can be scored and trained on what it will really see: kept frames, frames
drawn at random, groups folded by a compressor, and tokens merged with those they correspond to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from zoetrope_training.autoencoder import hats
from zoetrope_training.level_model import LevelWorldModel
from zoetrope_training.segments import HIDDEN
from zoetrope_training.transformer import Layer, TransformerConfig, modulate, rotary_table, rotate

Pair = tuple[Tensor, Tensor]
"""Keys, normed and un-rotated, and values: [layers, batch, heads, tokens, head_dim] each."""


class Memory:
    """Every frame as it came, until `slots` are full; then the oldest go. `slots` None keeps everything.

    Attributes:
        key, value: [layers, batch, heads, capacity, head_dim].
        bias: [layers, batch, capacity], log of how many tokens each slot stands for, or `HIDDEN`.
        used: slots that may hold anything, from the first.
    """

    def __init__(self, config: TransformerConfig, batch: int, tokens: int, slots: int | None) -> None:
        self.tokens, self.slots, self.used, self.frames = tokens, slots, 0, 0
        capacity = 64 * tokens if slots is None else slots
        shape = (config.layers, batch, config.heads, capacity, config.head_dim)
        self.key, self.value = torch.zeros(shape), torch.zeros(shape)
        self.bias = torch.full((config.layers, batch, capacity), HIDDEN)

    def take(self, frame: Pair) -> None:
        """Remember a frame that leaves the window."""
        if self.slots is None and self.used == self.key.shape[3]:
            self.key, self.value = (F.pad(part, (0, 0, 0, self.used)) for part in (self.key, self.value))
            self.bias = F.pad(self.bias, (0, self.used), value=HIDDEN)
        kept = self.key.shape[3] // self.tokens
        self.write(self.frames % kept, frame, 1)
        self.frames += 1

    def write(self, place: int, frame: Pair, count: float) -> None:
        """Put the tokens of a frame into the slots of frame number `place`."""
        at = slice(place * self.tokens, (place + 1) * self.tokens)
        self.key[:, :, :, at], self.value[:, :, :, at] = frame
        self.bias[:, :, at] = torch.tensor(float(count)).log()
        self.used = max(self.used, at.stop)


class RandomDrop(Memory):
    """Tokens drawn at random from all that ever left the window (reservoir sampling)."""

    def __init__(self, config: TransformerConfig, batch: int, tokens: int, slots: int, generator: torch.Generator) -> None:
        super().__init__(config, batch, tokens, slots)
        self._generator = generator

    def take(self, frame: Pair) -> None:
        """Remember some of a frame's tokens."""
        if self.used < self.key.shape[3]:
            super().take(frame)
            return
        seen = self.frames * self.tokens + torch.arange(self.tokens) + 1
        self.frames += 1
        for layer in range(len(self.key)):
            place = (torch.rand(self.tokens, generator=self._generator) * seen).long()
            for token in (place < self.used).nonzero()[:, 0].tolist():
                for part, new in zip((self.key, self.value), frame, strict=True):
                    part[layer, :, :, place[token]] = new[layer, :, :, token]


Compressor = Callable[[Tensor, Tensor], Pair]
"""Keys and values of some frames [layers, batch, heads, frames * tokens, head_dim] to those of one."""


class Grouped(Memory):
    """Groups of frames become one; when there are too many groups, the two neighbours that stand for least do."""

    def __init__(self, config: TransformerConfig, batch: int, tokens: int, slots: int, compress: Compressor, frames: int) -> None:
        super().__init__(config, batch, tokens, slots)
        self._compress, self._group = compress, frames
        self._counts: list[int] = []
        self._waiting: list[Pair] = []
        self._most = slots // tokens - (frames - 1)

    def take(self, frame: Pair) -> None:
        """Let a frame wait, or fold it with those that wait."""
        self._waiting.append(frame)
        if len(self._waiting) == self._group:
            keys, values = (torch.cat(parts, 3) for parts in zip(*self._waiting, strict=True))
            self._waiting = []
            self.bias[:, :, len(self._counts) * self.tokens :] = HIDDEN
            self.write(len(self._counts), self._compress(keys, values), self._group)
            self._counts.append(self._group)
            if len(self._counts) > self._most:
                self._fold()
        else:
            self.write(len(self._counts) + len(self._waiting) - 1, frame, 1)

    def _fold(self) -> None:
        """Make one of the two neighbouring groups that stand for fewest frames."""
        counts = self._counts
        first = min(range(len(counts) - 1), key=lambda index: counts[index] + counts[index + 1])
        count = counts[first] + counts[first + 1]
        share = counts[first] / count
        cut = lambda part, place: part[:, :, :, place * self.tokens : (place + 1) * self.tokens]
        mixed = tuple(share * cut(part, first) + (1 - share) * cut(part, first + 1) for part in (self.key, self.value))
        self.write(first, mixed, count)
        end = len(counts) * self.tokens
        into, out = slice((first + 1) * self.tokens, end - self.tokens), slice((first + 2) * self.tokens, end)
        for part in (self.key, self.value):
            part[:, :, :, into] = part[:, :, :, out].clone()
        self.bias[:, :, into] = self.bias[:, :, out].clone()
        self.bias[:, :, end - self.tokens :] = HIDDEN
        self._counts[first : first + 2] = [count]


class Merged(Memory):
    """TempCache (arXiv:2602.01801): a token whose key is like that of a slot of its place joins that slot.

    The newest key stays, values are averaged, and the slot counts its tokens. `counts` False leaves out log m.
    When a layer has more than `slots`, those that matched nothing for longest are freed.
    """

    def __init__(
        self, config: TransformerConfig, batch: int, tokens: int, slots: int, threshold: float, counts: bool = True
    ) -> None:
        self._places = max(2, 4 * slots // tokens)
        super().__init__(config, batch, tokens, self._places * tokens)
        self._most, self._threshold, self._counted = slots, threshold, counts
        shape = (config.layers, batch, tokens, self._places)
        self._count, self._newest = torch.zeros(shape), torch.full(shape, -1.0)
        self.used = self._places * tokens

    def take(self, frame: Pair) -> None:
        """Merge a frame's tokens."""
        self.frames += 1
        for layer in range(len(self.key)):
            self._merge(layer, frame[0][layer], frame[1][layer])
        self._free()
        weight = self._count.log() if self._counted else torch.zeros_like(self._count)
        self.bias = torch.where(self._count > 0, weight, HIDDEN).flatten(2)

    def _merge(self, layer: int, key: Tensor, value: Tensor) -> None:
        """One layer's tokens: [batch, heads, tokens, head_dim] each."""
        keys, values = (part[layer].unflatten(2, (self.tokens, self._places)) for part in (self.key, self.value))
        count = self._count[layer]
        product = torch.einsum("bhtpd,bhtd->btp", keys, key)
        norm = keys.square().sum((1, 4)).sqrt() * key.square().sum((1, 3)).sqrt()[..., None]
        cosine = torch.where(count > 0, product / norm.clamp(min=1e-9), -2.0)
        likeness, best = cosine.max(-1)
        joins = likeness > self._threshold
        oldest = torch.where(count > 0, self._newest[layer], -2.0).argmin(-1)
        place = torch.where(joins, best, oldest)[..., None]
        held = torch.where(joins, count.gather(2, place)[..., 0], 0.0)
        index = place[:, None, :, :, None].expand(-1, keys.shape[1], -1, 1, keys.shape[-1])
        share = (1 / (held + 1))[:, None, :, None, None]
        mixed = torch.lerp(values.gather(3, index), value[:, :, :, None], share)
        keys.scatter_(3, index, key[:, :, :, None])
        values.scatter_(3, index, mixed)
        count.scatter_(2, place, held[..., None] + 1)
        self._newest[layer].scatter_(2, place, float(self.frames))

    def _free(self) -> None:
        """Free the oldest slots of layers that have too many."""
        held = (self._count > 0).sum((2, 3))
        if int(held.max()) <= self._most:
            return
        age = torch.where(self._count > 0, self._newest, torch.inf).flatten(2)
        rank = age.argsort(-1).argsort(-1)
        gone = (rank < (held - self._most)[..., None]).view_as(self._count)
        self._count.masked_fill_(gone, 0)
        self._newest.masked_fill_(gone, -1)

    @property
    def held(self) -> Tensor:
        """Slots in use: [layers, batch]."""
        return (self._count > 0).sum((2, 3))


class Stream:
    """Episodes streamed frame by frame: a window of raw frames, and a memory of those before it."""

    def __init__(self, model: LevelWorldModel, memory: Memory) -> None:
        self._model, self.memory = model, memory
        config = model.config.transformer
        self._window: deque[Pair] = deque(maxlen=config.window_frames)
        self._own = rotary_table(torch.tensor([config.window_frames]), config)
        self._near = [rotary_table(torch.tensor([config.window_frames - age]), config) for age in range(config.window_frames + 1)]

    @torch.no_grad()
    def features(self, latent: Tensor, control: Tensor) -> Tensor:
        """Features for the frame after the newest one, which is committed.

        Shapes: latent [batch, C, H, W], control [batch, N]; returns [batch, D, h, w].
        """
        encoder, transformer = self._model.encoder, self._model.encoder.transformer
        x, conditioning = encoder.tokens(hats(latent, self._model.levels), control, torch.zeros(len(latent)))
        base = transformer.modulation(F.silu(conditioning))
        keys, values = [], []
        for index, layer in enumerate(transformer.layers):
            assert isinstance(layer, Layer)
            modulation = (base + transformer.layer_bias[index])[:, None].chunk(6, dim=-1)
            query, key, value = layer.heads_of(modulate(x, modulation[0], modulation[1]))
            x = layer.finish(x, self._attend(index, query, key, value), modulation)
            keys.append(key)
            values.append(value)
        if len(self._window) == self._window.maxlen:
            self.memory.take(self._window[0])
        self._window.append((torch.stack(keys), torch.stack(values)))
        shift, scale = transformer.final(F.silu(conditioning))[:, None].chunk(2, dim=-1)
        return encoder.lay_out(modulate(x, shift, scale))

    def _attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """One layer's attention over memory, window and own frame; all [batch, heads, tokens, head_dim]."""
        memory, used = self.memory, self.memory.used
        turned = rotate(query, *self._own) * query.shape[-1] ** -0.5
        near = [rotate(keys[layer], *self._near[len(self._window) - place]) for place, (keys, _) in enumerate(self._window)]
        near_keys = torch.cat([*near, rotate(key, *self._own)], 2)
        near_values = torch.cat([*(values[layer] for _, values in self._window), value], 2)
        scores = turned @ near_keys.transpose(-1, -2)
        if used == 0:
            return scores.softmax(-1) @ near_values
        far = turned @ memory.key[layer, :, :, :used].transpose(-1, -2) + memory.bias[layer, :, None, None, :used]
        share = torch.cat([far, scores], -1).softmax(-1)
        return share[..., :used] @ memory.value[layer, :, :, :used] + share[..., used:] @ near_values
