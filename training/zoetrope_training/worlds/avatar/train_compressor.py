"""Train the compressor of the avatar's cache, the model frozen: learned ConvKV.

Run: `training/run avatar compressor --budget-seconds 120`

Attention-matching distillation: with the older half of the window folded in groups, every layer's attention has to
answer what it answers over the frames themselves, at every denoising step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...training import Training, seeded, training_flags
from ...transformer import Layer, clip_attention, clip_positions, modulate, rotary_table, rotate
from ..maze.compressor import Compressor, fold_mean
from . import SHELF
from .clips import FRAMES, Library, latents
from .compressor import GROUP, GROUPS, RECENT, new_compressor
from .model import SIGMAS, AvatarModel, begun, following, load_world
from .train_world import conditions

BATCH = 8
STEPS_A_BATCH = 6
"""Training steps on each batch of clips."""
PEAK_RATE = 1e-3


@dataclass(frozen=True)
class Trace:
    """What passed through every layer's attention, un-rotated: [layers, batch, heads, frames, tokens, head_dim] each."""

    query: Tensor
    key: Tensor
    value: Tensor


@torch.no_grad()
def trace(model: AvatarModel, sample: Tensor, sigma: float, reference: Tensor, speech: Tensor, control: Tensor) -> Trace:
    """Clips passed through the transformer; arguments as `AvatarModel.forward`."""
    batch, frames = sample.shape[:2]
    flat = (sample.flatten(0, 1), torch.full((batch * frames,), sigma), reference[:, None].expand_as(sample).flatten(0, 1))
    x, conditioning = model.begin(*flat, speech.flatten(0, 1), control.flatten(0, 1))
    transformer, tokens = model.transformer, x.shape[1]
    positions = clip_positions(transformer.config, frames, tokens, False, x.device)
    x = x.reshape(batch, frames * tokens, -1)
    base = transformer.modulation(F.silu(conditioning)).unflatten(0, (batch, frames))
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    for layer, bias in zip(transformer.layers, transformer.layer_bias, strict=True):
        assert isinstance(layer, Layer)
        modulation = (base + bias).repeat_interleave(tokens, dim=1).chunk(6, dim=-1)
        query, key, value = layer.heads_of(modulate(x, modulation[0], modulation[1]))
        seen.append((query, key, value))
        x = layer.finish(x, clip_attention(query, key, value, positions), modulation)
    parts = (torch.stack(column).unflatten(3, (frames, tokens)) for column in zip(*seen, strict=True))
    return Trace(*parts)


def lessons(model: AvatarModel, library: Library, generator: torch.Generator) -> list[Trace]:
    """What passes through attention at each denoising step of some clips."""
    clips = library.draw(BATCH, generator)
    reference = latents(clips.reference)
    with torch.no_grad():
        speech, _, noise = conditions(model, clips, generator)
        sample, traces = noise, []
        for step, sigma in enumerate(SIGMAS):
            traces.append(trace(model, sample, sigma, reference, speech, clips.control))
            if step + 1 < len(SIGMAS):
                made, _ = model(sample, sigma, reference, speech, clips.control)
                first = begun(reference, noise[:, 0], step + 1)[:, None]
                sample = torch.cat([first, following(sample, made, step)[:, 1:]], 1)
    return traces


def attend(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attention of turned queries to turned keys; [..., tokens, d], [..., slots, d] twice, [slots]."""
    scores = query @ keys.transpose(-1, -2) + bias
    return scores.softmax(-1) @ values


def errors(compressor: Compressor, lesson: Trace, waiting: int, model: AvatarModel) -> dict[str, Tensor]:
    """Relative squared error of attention where groups are folded, by the compressor and by a mean.

    `waiting` frames beyond the recent ones wait for their group to be whole.
    """
    config = model.config.transformer
    window, tokens = config.window_frames, model.config.tokens_per_frame
    turn = lambda part, age: rotate(part, *rotary_table(torch.full((part.shape[-2],), max(0, window - age)), config))
    frame = lambda part, at, age: part[:, :, :, at - age]
    found: dict[str, list[Tensor]] = {"learned": [], "mean": []}
    folds = {"learned": compressor, "mean": lambda key, value: fold_mean(key, value, GROUP, False)}
    for at in range(window + GROUP - 1, FRAMES, 2):
        query = turn(lesson.query[:, :, :, at], 0) * config.head_dim**-0.5
        raw = range(RECENT + waiting, -1, -1)
        near = torch.cat([turn(frame(lesson.key, at, age), age) for age in raw], 3)
        near_values = torch.cat([frame(lesson.value, at, age) for age in raw], 3)
        rest = range(window, RECENT + waiting, -1)
        every = torch.cat([*(turn(frame(lesson.key, at, age), age) for age in rest), near], 3)
        every_value = torch.cat([*(frame(lesson.value, at, age) for age in rest), near_values], 3)
        wanted = attend(query, every, every_value, torch.zeros(every.shape[3]))
        for name, fold in folds.items():
            keys, values = [near], [near_values]
            for group in range(GROUPS):
                newest = RECENT + waiting + 1 + group * GROUP
                ages = range(newest + GROUP - 1, newest - 1, -1)
                join = lambda part: torch.cat([frame(part, at, age) for age in ages], 3)
                key, value = fold(join(lesson.key), join(lesson.value))
                keys.append(turn(key, newest))
                values.append(value)
            bias = torch.cat([torch.zeros(near.shape[3]), torch.full((GROUPS * tokens,), float(GROUP)).log()])
            made = attend(query, torch.cat(keys, 3), torch.cat(values, 3), bias)
            found[name].append((made - wanted).square().mean() / wanted.square().mean())
    return {name: torch.stack(part).mean() for name, part in found.items()}


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=120).parse_args()
    generator = seeded(flags)
    model = load_world().requires_grad_(False)
    library = Library(4)
    library.refresh()
    compressor = new_compressor(model.config)
    optimiser = torch.optim.Adam(compressor.parameters(), lr=PEAK_RATE)
    training = Training(SHELF, "compressor.pt", {"model": compressor}, optimiser, flags, generator)
    taught = lessons(model, library, generator)

    while training.goes_on():
        step = training.step
        if step % STEPS_A_BATCH == STEPS_A_BATCH - 1:
            taught = lessons(model, library, generator)
        found = errors(compressor, taught[step % len(taught)], step // len(taught) % GROUP, model)
        training.descend(found["learned"])
        if training.is_at(20):
            training.say(f"attention error: learned {found['learned'].item():.4f} mean {found['mean'].item():.4f}")
        training.keep_if_due()


if __name__ == "__main__":
    main()
