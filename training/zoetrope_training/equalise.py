"""Evens out the channels of a decoder, so that one scale of 8 bits fits them all.

A ReLU lets a positive factor through, so what a channel is divided by, the next weights are multiplied with: the
decoder computes what it did. Source: cross-layer equalisation, arXiv:1906.04721.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoetrope_training.autoencoder import Decoder

FAINTEST = 1 / 64
"""A channel is never taken for fainter than this share of the loudest."""


@torch.no_grad()
def equalise(decoder: Decoder, latents: Tensor) -> None:
    """Rescale the decoder's channels in place by what they hold for `latents` [n, channels, grid, grid]."""
    into, out = loudness(decoder, latents)
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


Loudness = dict[nn.Conv2d, Tensor]


def loudness(decoder: Decoder, latents: Tensor) -> tuple[Loudness, Loudness]:
    """The largest magnitude in each channel that enters, and that leaves, each convolution."""
    into: Loudness = {}
    out: Loudness = {}

    def listen(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        into[layer], out[layer] = inputs[0].abs().amax((0, 2, 3)), output.abs().amax((0, 2, 3))

    hooks = [layer.register_forward_hook(listen) for layer in decoder.modules() if isinstance(layer, nn.Conv2d)]
    decoder(latents)
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
