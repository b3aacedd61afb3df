"""Evens out the channels of networks, so that one scale of 8 bits fits them all. They compute what they did.

In a decoder a ReLU lets a positive factor through, so what a channel is divided by, the next weights are multiplied
with (cross-layer equalisation, arXiv:1906.04721). In a denoiser the factors are multiplied in at run time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zoetrope_training.autoencoder import Decoder
from zoetrope_training.level_model import LevelDenoiser

FAINTEST = 1 / 64
"""A channel is never taken for fainter than this share of the loudest."""


@torch.no_grad()
def equalise(decoder: Decoder, latents: Tensor) -> None:
    """Rescale the decoder's channels in place by what they hold for `latents` [n, channels, grid, grid]."""
    into, out = loudness(decoder, lambda: decoder(latents))
    stages = (
        (decoder.first, decoder.coarse, decoder.to_middle),
        (decoder.to_middle, decoder.middle, decoder.to_fine),
        (decoder.to_fine, decoder.fine, decoder.last),
    )
    for before, stage, after in stages:
        inner = share(into[stage.second]).sqrt()
        divide_outputs(stage.first, inner)
        multiply_inputs(stage.second, inner)
        folded = out[before].view(len(into[after]), -1)  # a channel's pixels are channels before the shuffle
        stream = share(torch.stack((folded.amax(1), into[stage.first], out[stage.second], into[after])).amax(0))
        divide_outputs(before, stream.repeat_interleave(folded.shape[1]))
        if before is decoder.first:
            decoder.place /= stream[:, None, None]
        multiply_inputs(stage.first, stream)
        divide_outputs(stage.second, stream)
        multiply_inputs(after, stream)


class EvenConv(nn.Module):
    """A convolution between channels that are divided by `into` and multiplied with `out`."""

    def __init__(self, conv: nn.Conv2d, into: Tensor, out: Tensor) -> None:
        super().__init__()
        self.conv = conv
        self.register_buffer("into", into[:, None, None])
        self.register_buffer("out", out[:, None, None])
        multiply_inputs(conv, into)
        divide_outputs(conv, out)

    def forward(self, x: Tensor) -> Tensor:
        """As the convolution's own."""
        assert isinstance(self.into, Tensor) and isinstance(self.out, Tensor)
        even = x if bool((self.into == 1).all()) else x / self.into
        made = self.conv(even)
        return made if bool((self.out == 1).all()) else made * self.out


@torch.no_grad()
def even_denoiser(denoiser: LevelDenoiser, play: Callable[[], object]) -> None:
    """Even out, in place, what enters the first convolution and what leaves those of the blocks, as `play` has it.

    What enters the first one is noise, features and levels, each with a loudness of its own.
    """
    into, out = loudness(denoiser, play)
    first = denoiser.first
    denoiser.first = EvenConv(first, share(into[first]).sqrt(), torch.ones(len(out[first])))  # type: ignore[assignment]
    for block in denoiser.blocks:
        for name in ("first", "second"):
            conv = getattr(block, name)
            setattr(block, name, EvenConv(conv, torch.ones(len(into[conv])), share(out[conv])))


Loudness = dict[nn.Conv2d, Tensor]


def loudness(model: nn.Module, play: Callable[[], object]) -> tuple[Loudness, Loudness]:
    """The largest magnitude in each channel that enters, and that leaves, each convolution while `play` runs."""
    into: Loudness = {}
    out: Loudness = {}

    def listen(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        for heard, values in ((into, inputs[0]), (out, output)):
            loud = values.abs().amax((0, 2, 3))
            heard[layer] = torch.maximum(loud, heard.get(layer, loud))

    hooks = [layer.register_forward_hook(listen) for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    play()
    for hook in hooks:
        hook.remove()
    return into, out


def share(loud: Tensor) -> Tensor:
    """Of the loudest channel."""
    return (loud / loud.max()).clamp_min(FAINTEST)


def divide_outputs(layer: nn.Conv2d, factor: Tensor) -> None:
    """Divide each output channel."""
    assert layer.bias is not None
    layer.weight /= factor[:, None, None, None]
    layer.bias /= factor


def multiply_inputs(layer: nn.Conv2d, factor: Tensor) -> None:
    """Take each input channel for one that was divided."""
    layer.weight *= factor[:, None, None]
