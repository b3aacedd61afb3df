"""Train the maze's learned compressors, temporal and raster, with the world model frozen.

Run: `training/run maze compressor --budget-seconds 480`

Attention-matching distillation: episodes stream through the model with a full cache; then every layer's attention
over compressed memory has to answer what it answers over the frames themselves, most of all where a door is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...level_model import LevelWorldModel
from ...memory import Stream, Memory
from ...training import Training, seeded, training_flags
from ...transformer import rotary_table, rotate
from . import SHELF
from .compressor import Compressor, fold_mean
from .data import latents, play_episodes
from .model import CONFIG, load_world

GROUP = 8
"""Frames that become one."""
EPISODES = 6
FRAMES = 256
REMEMBERED = 160
"""Most frames of memory in a lesson, a multiple of `GROUP`."""
QUERIES = 8
"""Frames of each episode that look back."""
STEPS_AN_EPISODE = 60
"""Training steps on each batch of episodes."""
DOOR_SHARE = 0.7
PEAK_RATE = 1e-3
MODES = {"temporal": False, "raster": True}
"""The compressors by name, and whether they fold along a frame."""


@dataclass(frozen=True)
class Trace:
    """What passed through every layer's attention; un-rotated.

    Attributes:
        query, key, value: [layers, batch, heads, frames, tokens, head_dim].
        crosses: bool [batch, frames], a door is taken after that frame.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    crosses: Tensor


class _Tracing(Stream):
    """A stream that writes down queries, keys and values."""

    def __init__(self, model: LevelWorldModel, memory: Memory) -> None:
        super().__init__(model, memory)
        self.seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def _attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        self.seen.append((query, key, value))
        return super()._attend(layer, query, key, value)


def new_compressors() -> nn.ModuleDict:
    """Both compressors, as the mean."""
    config = CONFIG.world.transformer
    tokens = CONFIG.world.tokens_per_frame
    return nn.ModuleDict({
        name: Compressor(config.layers, config.heads, config.head_dim, frames=GROUP, tokens=tokens, raster=raster)
        for name, raster in MODES.items()
    })


def load_compressors() -> nn.ModuleDict:
    """The trained compressors.

    Raises:
        FileNotFoundError: none were trained yet.
    """
    compressors = new_compressors()
    path = SHELF.find("compressor.pt", "run `training/run maze compressor` first")
    compressors.load_state_dict(torch.load(path)["model"])
    return compressors.eval().requires_grad_(False)


@torch.no_grad()
def trace(model: LevelWorldModel, generator: torch.Generator) -> Trace:
    """Walks streamed through the model with everything kept."""
    episodes = play_episodes(EPISODES, FRAMES + 1, generator)
    clip = latents(episodes.codes, model.levels)
    config = model.config
    stream = _Tracing(model, Memory(config.transformer, EPISODES, config.tokens_per_frame, None))
    for frame in range(FRAMES):
        stream.features(clip[:, frame], episodes.control[:, frame])
    layers = config.transformer.layers
    parts = [
        torch.stack([torch.stack([one[part] for one in stream.seen[layer::layers]], 2) for layer in range(layers)])
        for part in range(3)
    ]
    return Trace(*parts, episodes.crosses)


def look_back(trace: Trace, remembered: int, generator: torch.Generator) -> Tensor:
    """Frames that look back, mostly those after which a door is taken: int64 [batch, QUERIES]."""
    first = remembered + CONFIG.world.transformer.window_frames
    roll = torch.rand(trace.crosses.shape, generator=generator)
    door = torch.rand(len(roll), 1, generator=generator) < DOOR_SHARE
    roll = roll + trace.crosses * door
    roll[:, :first] = -1
    return roll.topk(QUERIES, 1).indices


def near_of(trace: Trace, at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries at frames `at` turned for memory, and their own windows' scores and values.

    Shapes: far query [layers, batch, heads, queries, tokens, head_dim], scores [..., tokens, window * tokens],
    values [..., window * tokens, head_dim].
    """
    config = CONFIG.world.transformer
    window = config.window_frames
    who = torch.arange(len(at))[:, None]
    take = lambda part, index: part.movedim(3, 2)[:, who, index].movedim(3, 2)
    query = take(trace.query, at) * config.head_dim**-0.5
    turned = rotate(query.flatten(3, 4), *rotary_table(torch.tensor([window]), config)).view_as(query)
    keys, values = [], []
    for age in range(window, -1, -1):
        key = take(trace.key, at - age)
        keys.append(rotate(key.flatten(3, 4), *rotary_table(torch.tensor([window - age]), config)).view_as(key))
        values.append(take(trace.value, at - age))
    near = torch.cat(keys, 4)
    return turned, turned @ near.transpose(-1, -2), torch.cat(values, 4)


def attend(query: Tensor, near: tuple[Tensor, Tensor], key: Tensor, value: Tensor, count: int) -> Tensor:
    """Attention over the window and memory slots that stand for `count` tokens each; memory [layers, batch, heads, S, d]."""
    far = query @ key[:, :, :, None].transpose(-1, -2) + torch.tensor(float(count)).log()
    share = torch.cat([far, near[0]], -1).softmax(-1)
    slots = key.shape[3]
    return share[..., :slots] @ value[:, :, :, None] + share[..., slots:] @ near[1]


def fold(compress: object, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Compress memory frame group by group: [layers, batch, heads, frames, tokens, d] to [..., slots, d]."""
    assert callable(compress)
    layers, batch, heads, frames = key.shape[:4]
    groups = frames // GROUP
    cut = lambda part: part.unflatten(3, (groups, GROUP)).movedim(3, 2).flatten(1, 2).flatten(3, 4)
    folded = compress(cut(key), cut(value))
    join = lambda part: part.unflatten(1, (batch, groups)).movedim(2, 3).flatten(3, 4)
    return join(folded[0]), join(folded[1])


def errors(compressors: nn.ModuleDict, trace: Trace, generator: torch.Generator) -> dict[str, Tensor]:
    """Relative squared error of attention by compressor, and of the mean it begins as."""
    remembered = GROUP * int(torch.randint(4, REMEMBERED // GROUP + 1, (), generator=generator))
    with torch.no_grad():
        query, scores, values = near_of(trace, look_back(trace, remembered, generator))
        key, value = trace.key[:, :, :, :remembered], trace.value[:, :, :, :remembered]
        wanted = attend(query, (scores, values), key.flatten(3, 4), value.flatten(3, 4), 1)
        scale = wanted.square().mean()
    found: dict[str, Tensor] = {}
    for name, raster in MODES.items():
        for label, compress in ((name, compressors[name]), (f"{name} mean", lambda k, v: fold_mean(k, v, GROUP, raster))):
            made = attend(query, (scores, values), *fold(compress, key, value), GROUP)
            found[label] = (made - wanted).square().mean() / scale
    return found


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=480).parse_args()
    generator = seeded(flags)
    model = load_world().requires_grad_(False)
    compressors = new_compressors()
    optimiser = torch.optim.Adam(compressors.parameters(), lr=PEAK_RATE)
    training = Training(SHELF, "compressor.pt", {"model": compressors}, optimiser, flags, generator)
    lesson = trace(model, generator)

    while training.goes_on():
        if training.step % STEPS_AN_EPISODE == STEPS_AN_EPISODE - 1:
            lesson = trace(model, generator)
        found = errors(compressors, lesson, generator)
        loss = torch.stack([found[name] for name in MODES]).sum()
        training.descend(loss)
        if training.is_at(20):
            shares = " ".join(f"{name} {float(error):.4f}" for name, error in found.items())
            training.say(f"attention error: {shares}")
        training.keep_if_due()


if __name__ == "__main__":
    main()
