"""Write the tiny packages that tests run: real graphs from a fixed seed, with PyTorch's own answers.

Each folder holds a whole package, `oracle.json` with `oracle.f32` (inputs and outputs of every graph, rollouts
computed without a cache) and, for the entangled model, `weights.json` with `weights.f32`. `tests/fixtures/README.md`
describes the layout.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from zoetrope_training import noise
from zoetrope_training.denoiser import DenoiserConfig
from zoetrope_training.export import Json, Package, Start, write_graph, write_package
from zoetrope_training.graphs import Graph
from zoetrope_training.parity import compare
from zoetrope_training.rollout import Sampling, entangled_rollout, per_step_rollout, separable_rollout
from zoetrope_training.transformer import TransformerConfig
from zoetrope_training.world_model import (
    EntangledWorldModel,
    SeparableWorldModel,
    WorldModel,
    WorldModelConfig,
    build_world_model,
)

PICTURE = 32
"""Pixels per side."""
WEIGHT_SEED = 20260131

CONTROLS: list[Json] = [
    {
        "name": "left",
        "kind": "button",
        "title": "Left",
        "merge": "hold",
        "default": 0,
        "bindings": {"keyboard": ["ArrowLeft", "KeyA"], "gamepad": ["dpad-left"], "touch": "left"},
    },
    {
        "name": "turn",
        "kind": "axis",
        "title": "Turn",
        "merge": "accumulate",
        "range": [-1, 1],
        "default": 0,
        "bindings": {"mouse": "dx", "scale": 0.1},
    },
    {
        "name": "mood",
        "kind": "choice",
        "title": "Mood",
        "options": ["calm", "wild"],
        "merge": "latest",
        "default": "calm",
    },
]
CONTROL_LENGTH = 4


class TinyCodec(nn.Module):
    """One linear map of 8×8 pixel patches each way: 32×32 pictures, latents [4, 4, 4]."""

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.into = nn.Conv2d(3 * patch**2, channels, 1)
        self.out = nn.Conv2d(channels, 3 * patch**2, 1)

    def encode(self, image: Tensor) -> Tensor:
        """Pictures in [0, 1] to latents."""
        return self.into(F.pixel_unshuffle(image - 0.5, self.patch))

    def decode(self, latent: Tensor) -> Tensor:
        """Latents to pictures in (0, 1)."""
        return F.pixel_shuffle(self.out(latent), self.patch).sigmoid()


class TinyCompressor(nn.Module):
    """A weighted mean over the frames of a group, with weights of its own for keys and for values."""

    def __init__(self) -> None:
        super().__init__()
        self.key_weight = nn.Parameter(torch.zeros(GROUP_FRAMES, 1, 1))
        self.value_weight = nn.Parameter(torch.zeros(GROUP_FRAMES, 1, 1))

    def forward(self, group_key: Tensor, group_value: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes: [layers, heads, group * tokens, dim] to [layers, heads, tokens, dim], both."""
        pairs = ((group_key, self.key_weight), (group_value, self.value_weight))
        folded = [(x.unflatten(2, (GROUP_FRAMES, -1)) * weight.softmax(0)).sum(2) for x, weight in pairs]
        return folded[0], folded[1]


@dataclass(frozen=True)
class Policy:
    """A cache policy a rollout is recorded for."""

    name: str
    sink_frames: int
    window_frames: int


@dataclass(frozen=True)
class Fixture:
    """One tiny package and the rollouts recorded with it."""

    name: str
    model: WorldModelConfig
    prediction: str
    solver: str
    commit: Literal["separate", "fused", "per-step", "encoder"]
    commit_sigma: float
    policies: tuple[Policy, ...]
    blocks: int
    seed: int
    most_slots: int | None = None
    """Where given, slots are open, positions clamped, queries answered, and the package has a compressor."""


def transformer(sink: int, window: int, frames_per_block: int) -> TransformerConfig:
    """A transformer of 2 layers, width 16."""
    return TransformerConfig(2, 2, 8, 4, 10.0, sink, window, frames_per_block)


def state_transformer(frames_per_block: int) -> TransformerConfig:
    """The same with a state in place of slots."""
    return replace(transformer(0, frames_per_block, frames_per_block), state=True)


def world(topology: str, previous: int, layers: TransformerConfig) -> WorldModelConfig:
    """A world model on latents [4, 4, 4], 4 tokens a frame."""
    return WorldModelConfig(
        topology="separable" if topology == "separable" else "entangled",
        latent_channels=4,
        height=4,
        width=4,
        patch=2,
        controls=CONTROL_LENGTH,
        previous_frames=previous,
        features=6,
        transformer=layers,
        denoiser=DenoiserConfig(channels=16, depth=2, pooled=True),
    )


FIXTURES = (
    Fixture(
        "tiny-separable",
        world("separable", 2, transformer(1, 15, 1)),
        prediction="x0",
        solver="renoise",
        commit="encoder",
        commit_sigma=0.0,
        policies=(Policy("window", 1, 4), Policy("full", 1, 15)),
        blocks=15,
        seed=12345,
    ),
    Fixture(
        "tiny-entangled",
        world("entangled", 2, transformer(2, 18, 2)),
        prediction="velocity",
        solver="euler",
        commit="separate",
        commit_sigma=0.0,
        policies=(Policy("window", 2, 4), Policy("full", 2, 18)),
        blocks=9,
        seed=2**32 + 5,
    ),
    Fixture(
        "tiny-fused",
        world("entangled", 0, transformer(2, 4, 2)),
        prediction="x0",
        solver="renoise",
        commit="fused",
        commit_sigma=0.1,
        policies=(Policy("window", 2, 4),),
        blocks=10,
        seed=7,
    ),
    Fixture(
        "tiny-per-step",
        world("entangled", 0, transformer(2, 6, 2)),
        prediction="velocity",
        solver="renoise",
        commit="per-step",
        commit_sigma=0.0,
        policies=(Policy("window", 2, 4),),
        blocks=9,
        seed=31,
    ),
    Fixture(
        "tiny-open",
        world("separable", 2, transformer(0, 6, 1)),
        prediction="x0",
        solver="renoise",
        commit="encoder",
        commit_sigma=0.0,
        policies=(Policy("window", 0, 6),),
        # As many as the window holds: clamped positions then differ from counted ones by a constant alone.
        blocks=6,
        seed=99,
        most_slots=4096,
    ),
    Fixture(
        "tiny-hashed",
        world("entangled", 2, transformer(0, 18, 2)),
        prediction="velocity",
        solver="euler",
        commit="separate",
        commit_sigma=0.0,
        policies=(Policy("window", 0, 18),),
        # As above.
        blocks=9,
        seed=64,
        most_slots=4096,
    ),
    Fixture(
        "tiny-state",
        world("entangled", 2, state_transformer(2)),
        prediction="velocity",
        solver="euler",
        commit="separate",
        commit_sigma=0.0,
        policies=(Policy("state", 0, 2),),
        blocks=12,
        seed=128,
    ),
)
GROUP_FRAMES = 4
SIGMAS = {"1": [1.0], "2": [1.0, 0.5]}


def schedules(fixture: Fixture) -> dict[str, list[float]]:
    """The fixture's noise levels by step count: one count alone where each step has a cache."""
    return {"2": SIGMAS["2"]} if fixture.commit == "per-step" else SIGMAS


def fill(module: nn.Module, seed: int) -> None:
    """Give every parameter reproducible random values, large enough that history and controls matter."""
    with torch.no_grad():
        for index, (name, parameter) in enumerate(module.named_parameters()):
            values = torch.from_numpy(noise.normals(tuple(parameter.shape), seed=seed, block=index, step=0))
            if name.endswith("gain") or "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * values)
            elif parameter.dim() > 1 and "layer_bias" not in name and "place" not in name:
                parameter.copy_(1.2 * values / parameter[0].numel() ** 0.5)
            else:
                parameter.copy_(0.4 * values)


class TensorFile:
    """Tensors gathered in one little-endian float32 file, with their shapes and offsets as JSON."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def put(self, tensor: Tensor) -> Json:
        """Append a tensor; returns its entry. Offsets count floats."""
        content = np.ascontiguousarray(tensor.detach().numpy().astype("<f4")).tobytes()
        entry = {"shape": list(tensor.shape), "offset": self.size // 4}
        self.parts.append(content)
        self.size += len(content)
        return entry

    def write(self, path: Path, index: Json) -> None:
        """Write `path`.f32 and `path`.json."""
        path.with_suffix(".f32").write_bytes(b"".join(self.parts))
        path.with_suffix(".json").write_text(json.dumps(index, indent=1) + "\n")


def start_picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A smooth coloured picture, uint8 [32, 32, 3]."""
    y, x = np.mgrid[0:PICTURE, 0:PICTURE] / PICTURE
    channels = (0.5 + 0.5 * np.sin(6 * x + 2 * y), y, 0.5 + 0.5 * np.cos(9 * y * x))
    return (np.stack(channels, axis=-1) * 255).astype(np.uint8)


def control_script(blocks: int) -> Tensor:
    """Control vectors [blocks, 4]: the button held now and then, a swinging axis, a choice that changes."""
    index = torch.arange(blocks)
    left = (index % 5 < 2).float()
    turn = (index * 0.7).sin()
    wild = (index % 7 > 3).float()
    return torch.stack((left, turn, 1 - wild, wild), dim=1)


def record_graphs(graphs: list[Graph], tensors: TensorFile) -> Json:
    """Inputs and PyTorch's outputs of every graph, by role."""
    return {
        graph.role: {
            "inputs": {name: tensors.put(value) for name, value in graph.inputs.items()},
            "outputs": {name: tensors.put(value) for name, value in graph.run().items()},
        }
        for graph in graphs
    }


def rollout(fixture: Fixture, model: WorldModel, policy: Policy, sigmas: list[float], start: Tensor) -> Tensor:
    """Latents of every block [blocks, F, C, H, W] under a cache policy."""
    limits = replace(model.config.transformer, sink_frames=policy.sink_frames, window_frames=policy.window_frames)
    limited = build_world_model(replace(model.config, transformer=limits)).eval()
    limited.load_state_dict(model.state_dict())
    sampling = Sampling(
        fixture.seed,
        tuple(sigmas),
        "x0" if fixture.prediction == "x0" else "velocity",
        "renoise" if fixture.solver == "renoise" else "euler",
    )
    control = control_script(fixture.blocks)
    if isinstance(limited, SeparableWorldModel):
        return separable_rollout(limited, start, control, sampling)[:, None]
    if fixture.commit == "per-step":
        return per_step_rollout(limited, start, control, sampling)
    commit = "fused" if fixture.commit == "fused" else "separate"
    return entangled_rollout(limited, start, control, sampling, commit=commit, commit_sigma=fixture.commit_sigma)


def record_rollouts(fixture: Fixture, model: WorldModel, start: Tensor, tensors: TensorFile) -> list[Json]:
    """One entry for each policy and step count."""
    return [
        {
            "policy": policy.name,
            "sinkFrames": policy.sink_frames,
            "windowFrames": policy.window_frames,
            "steps": int(steps),
            "seed": fixture.seed,
            "latents": tensors.put(rollout(fixture, model, policy, sigmas, start)),
        }
        for policy in fixture.policies
        for steps, sigmas in schedules(fixture).items()
    ]


def package(fixture: Fixture) -> Package:
    """What the fixture's manifest says."""
    return Package(
        id=fixture.name,
        title=fixture.name.replace("-", " ").capitalize(),
        description="A tiny package with random weights, for tests.",
        licence="MIT",
        prediction="x0" if fixture.prediction == "x0" else "velocity",
        solver="renoise" if fixture.solver == "renoise" else "euler",
        sigmas=schedules(fixture),
        default_steps=2,
        controls=CONTROLS,
        starts=[Start("waves", "Waves", "starts/waves.png")],
        height=PICTURE,
        width=PICTURE,
        commit=fixture.commit,
        commit_sigma=fixture.commit_sigma,
        positions="window" if fixture.most_slots is None else "clamped",
        most_slots=fixture.most_slots,
        queries=fixture.most_slots is not None,
        group_frames=None if fixture.most_slots is None else GROUP_FRAMES,
        extra_graphs={graph.role: graph.file for graph in compressors(fixture)},
    )


def compressors(fixture: Fixture) -> list[Graph]:
    """The compressor of a package with open slots."""
    if fixture.most_slots is None:
        return []
    layers, tokens = fixture.model.transformer, fixture.model.tokens_per_frame
    module = TinyCompressor()
    fill(module, WEIGHT_SEED + 2)
    shape = (layers.layers, layers.heads, GROUP_FRAMES * tokens, layers.head_dim)
    generator = torch.Generator().manual_seed(3)
    inputs = {name: torch.randn(*shape, generator=generator) for name in ("group_key", "group_value")}
    return [Graph("compressor", "compressor.onnx", module.eval(), inputs, ("key", "value"))]


def write_fixture(fixture: Fixture, directory: Path) -> None:
    """Write one package with its oracle and print how closely ONNX Runtime agrees with PyTorch."""
    (directory / "starts").mkdir(parents=True, exist_ok=True)
    picture = start_picture()
    Image.fromarray(picture).save(directory / "starts" / "waves.png", optimize=True)
    card = f"# {fixture.name}\n\nRandom weights from seed {WEIGHT_SEED}, made by `python -m zoetrope_training.fixtures`.\n"
    (directory / "MODEL_CARD.md").write_text(card)
    model = build_world_model(fixture.model).eval()
    codec = TinyCodec(fixture.model.latent_channels, PICTURE // fixture.model.height).eval()
    fill(model, WEIGHT_SEED)
    fill(codec, WEIGHT_SEED + 1)
    extra = compressors(fixture)
    for graph in extra:
        write_graph(graph, directory)
    graphs = write_package(directory, package(fixture), model, codec) + extra
    tensors = TensorFile()
    with torch.no_grad():
        start = codec.encode(torch.from_numpy(picture)[None].permute(0, 3, 1, 2).float() / 255)[0]
    index: Json = {
        "start": {"image": "starts/waves.png", "latent": tensors.put(start)},
        "control": tensors.put(control_script(fixture.blocks)),
        "graphs": record_graphs(graphs, tensors),
        "rollouts": record_rollouts(fixture, model, start, tensors),
    }
    tensors.write(directory / "oracle", index)
    if fixture.name == "tiny-entangled" and isinstance(model, EntangledWorldModel):
        write_weights(model, directory / "weights")
    print(f"{fixture.name}\n" + "\n".join(f"  {difference}" for difference in compare(graphs, directory)))


def write_weights(model: EntangledWorldModel, path: Path) -> None:
    """Every parameter as a plain tensor, for an implementation in another language."""
    tensors = TensorFile()
    index = {name: tensors.put(value) for name, value in model.state_dict().items()}
    tensors.write(path, index)


def main() -> None:
    """Write every fixture."""
    parser = argparse.ArgumentParser(description="Write the tiny packages used by tests.")
    parser.add_argument("directory", type=Path, help="the folder of fixtures, tests/fixtures")
    directory: Path = parser.parse_args().directory
    (directory / "noise.json").write_text(json.dumps(noise.golden_vectors(), indent=1) + "\n")
    for fixture in FIXTURES:
        write_fixture(fixture, directory / fixture.name)


if __name__ == "__main__":
    main()
