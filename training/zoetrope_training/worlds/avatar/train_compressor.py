"""Train the compressor of the avatar's cache, the model frozen: learned ConvKV.

Run: `training/run avatar compressor --budget-seconds 120`

Attention-matching distillation: with the older half of the window folded in groups, every layer's attention has to
answer what it answers over the frames themselves, at every denoising step.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...budget import Budget, save_checkpoint
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
CHECKPOINT_SECONDS = 60


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget-seconds", type=float, help="processor seconds, those of all threads", default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    generator = torch.Generator().manual_seed(flags.seed)
    model = load_world().requires_grad_(False)
    library = Library(4)
    library.refresh()
    compressor = new_compressor(model.config)
    optimiser = torch.optim.Adam(compressor.parameters(), lr=PEAK_RATE)
    path, spent, step = SHELF.runs / "compressor.pt", 0.0, 0
    if (before := SHELF.newest(path.name)) is not None:
        kept = torch.load(before)
        compressor.load_state_dict(kept["model"])
        if "optimiser" in kept:
            optimiser.load_state_dict(kept["optimiser"])
            spent, step = kept["spent"], kept["step"]
            generator.manual_seed(flags.seed + step)
    budget = Budget(flags.budget_seconds, spent, time.process_time)
    saved, taught = budget.elapsed, lessons(model, library, generator)

    while budget.progress < 1:
        if step % STEPS_A_BATCH == STEPS_A_BATCH - 1:
            taught = lessons(model, library, generator)
        for group in optimiser.param_groups:
            group["lr"] = budget.rate(PEAK_RATE)
        found = errors(compressor, taught[step % len(taught)], step // len(taught) % GROUP, model)
        optimiser.zero_grad()
        found["learned"].backward()
        torch.nn.utils.clip_grad_norm_(compressor.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 20 == 0:
            print(f"{budget.elapsed:6.0f}s step {step} attention error: learned {found['learned'].item():.4f} mean {found['mean'].item():.4f}", flush=True)
        if budget.elapsed - saved > CHECKPOINT_SECONDS or budget.progress >= 1:
            saved = budget.elapsed
            save_checkpoint(path, model=compressor.state_dict(), optimiser=optimiser.state_dict(), spent=saved, step=step)


if __name__ == "__main__":
    main()
