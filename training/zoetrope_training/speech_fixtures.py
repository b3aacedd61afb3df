"""Write the tiny packages that hear: speech lanes, a reference picture, a face check, with PyTorch's own answers.

The networks are those of the other tiny packages. A frame's speech features stand behind its control, and the
reference's latent, through one linear map, is added to every sample. `tests/fixtures/README.md` describes the layout.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from zoetrope_training import noise
from zoetrope_training.export import Json, Package, Start, shapes_of, write_graph, write_manifest
from zoetrope_training.fixtures import (
    CONTROL_LENGTH,
    CONTROLS,
    PICTURE,
    SIGMAS,
    WEIGHT_SEED,
    TensorFile,
    TinyCodec,
    control_script,
    fill,
    record_graphs,
    start_picture,
    transformer,
    world,
)
from zoetrope_training.graphs import CACHE_INPUTS, Graph, codec_graphs, fused_bias, world_model_graphs
from zoetrope_training.parity import compare
from zoetrope_training.rollout import Sampling, entangled_rollout, per_step_rollout, separable_rollout
from zoetrope_training.transformer import CacheInputs
from zoetrope_training.world_model import EntangledWorldModel, SeparableWorldModel, WorldModelConfig

SAMPLE_RATE = 16_000
FRAME_RATE = 25
FRAME_SAMPLES = SAMPLE_RATE // FRAME_RATE
FEATURES = 5
BLOCKS = 8
POOL = 64
"""Samples that the speech encoder takes as one."""


@dataclass(frozen=True)
class SpeechFixture:
    """One tiny package that hears."""

    name: str
    commit: Literal["encoder", "separate", "fused", "per-step"]
    model: WorldModelConfig
    """With the controls and the speech features as one vector."""
    window_frames: int
    look_ahead_frames: int
    reference: bool
    face_check: bool
    seed: int


def hearing(topology: str, frames_per_block: int) -> WorldModelConfig:
    """A tiny world model whose control vector ends in speech features."""
    plain = world(topology, 0, transformer(frames_per_block, 4, frames_per_block))
    return replace(plain, controls=CONTROL_LENGTH + FEATURES)


SPEECH_FIXTURES = (
    SpeechFixture("tiny-speech", "per-step", hearing("entangled", 2), 3, 1, reference=True, face_check=True, seed=41),
    SpeechFixture("tiny-speech-fused", "fused", hearing("entangled", 2), 2, 3, reference=True, face_check=False, seed=42),
    SpeechFixture(
        "tiny-speech-separate", "separate", hearing("entangled", 2), 4, 0, reference=False, face_check=False, seed=43
    ),
    SpeechFixture(
        "tiny-speech-separable", "encoder", hearing("separable", 1), 3, 2, reference=True, face_check=False, seed=44
    ),
)


class TinySpeechEncoder(nn.Module):
    """Means of 64 samples, one linear map, tanh."""

    def __init__(self, window_frames: int) -> None:
        super().__init__()
        self.into = nn.Linear(window_frames * FRAME_SAMPLES // POOL, FEATURES)

    def forward(self, pcm: Tensor) -> Tensor:
        """Shapes: samples [1, window] to features [1, `FEATURES`]."""
        return torch.tanh(4 * self.into(F.avg_pool1d(pcm[:, None], POOL)[:, 0]))


class TinyFaceCheck(nn.Module):
    """Takes what is red for a face."""

    def forward(self, rgb: Tensor) -> Tensor:
        """Shapes: picture [1, height, width, 3], uint8, to the mean of its red [1]."""
        return rgb[..., 0].float().mean(dim=(1, 2)) / 255


class Reference(nn.Module):
    """What the reference picture adds to a sample."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.into = nn.Conv2d(channels, channels, 1)

    def forward(self, latent: Tensor | None) -> Tensor | float:
        """Shapes: latent [1, C, H, W], and the same out; nothing where there is none."""
        return 0.0 if latent is None else self.into(latent)


class HearingEntangled(EntangledWorldModel):
    """An entangled world model that is given speech and a reference: by its graphs, or for a whole rollout at once."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__(config)
        self.shift = Reference(config.latent_channels)
        self.track = torch.zeros(0, FEATURES)
        """Speech of each frame of a rollout, the start's first."""
        self.reference: Tensor | None = None

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        control: Tensor,
        previous: Tensor | None = None,
        *,
        fused_tail: bool = False,
    ) -> Tensor:
        """As the parent's, under the rollout's speech and reference."""
        steered = torch.cat((control, self.track[None, : sample.shape[1]]), dim=-1)
        return super().forward(sample + self.shift(self.reference), sigma, steered, previous, fused_tail=fused_tail)


class HearingSeparable(SeparableWorldModel):
    """The same of the separable topology."""

    def __init__(self, config: WorldModelConfig) -> None:
        super().__init__(config)
        self.shift = Reference(config.latent_channels)
        self.track = torch.zeros(0, FEATURES)
        """Speech of each frame of a rollout, without the start's."""
        self.reference: Tensor | None = None

    def features(self, latents: Tensor, control: Tensor, context_sigma: Tensor | None = None) -> Tensor:
        """As the parent's, under the rollout's speech."""
        return super().features(latents, torch.cat((control, self.track[None, : latents.shape[1]]), dim=-1))

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        features: Tensor,
        previous: Tensor,
        context_sigma: Tensor | None = None,
    ) -> Tensor:
        """As the parent's, under the rollout's reference."""
        return super().forward(sample + self.shift(self.reference), sigma, features, previous, context_sigma)


Hearing = HearingEntangled | HearingSeparable


class HearingDenoiserGraph(nn.Module):
    """`denoiser.onnx` or `denoiser-fused.onnx` of the entangled topology, with speech and perhaps a reference."""

    def __init__(self, model: HearingEntangled, *, fused: bool) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("causal_bias", fused_bias(model.config) if fused else None, persistent=False)

    def forward(self, sample: Tensor, sigma: Tensor, control: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Prediction, keys, values; `rest` is the cache inputs, then the speech, then the reference if any."""
        cache, (speech, *reference) = rest[: len(CACHE_INPUTS)], rest[len(CACHE_INPUTS) :]
        steered = torch.cat((control, speech), dim=-1)
        shifted = sample + self.model.shift(reference[0] if reference else None)
        bias = self.causal_bias if isinstance(self.causal_bias, Tensor) else None
        return self.model.forward_cached(shifted, sigma, steered, CacheInputs(*cache), causal_bias=bias)


class HearingEncoderGraph(nn.Module):
    """`encoder.onnx` of the separable topology, with speech."""

    def __init__(self, model: HearingSeparable) -> None:
        super().__init__()
        self.model = model

    def forward(self, latent: Tensor, control: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features, keys, values; `rest` is the cache inputs, then the speech."""
        *cache, speech = rest
        return self.model.encoder.forward_cached(latent, torch.cat((control, speech), dim=-1), CacheInputs(*cache))


class ReferredDenoiserGraph(nn.Module):
    """`denoiser.onnx` of the separable topology, with a reference."""

    def __init__(self, model: HearingSeparable) -> None:
        super().__init__()
        self.model = model

    def forward(self, sample: Tensor, sigma: Tensor, features: Tensor, reference: Tensor) -> Tensor:
        """The prediction."""
        none = sample.new_zeros(1, 0, *sample.shape[1:])
        return SeparableWorldModel.forward(self.model, sample + self.model.shift(reference), sigma, features, none)


def hearing_graphs(fixture: SpeechFixture, model: Hearing) -> list[Graph]:
    """The world model's graphs; speech and reference are inputs of their own."""
    generator = torch.Generator().manual_seed(5)

    def module(role: str) -> nn.Module:
        if isinstance(model, HearingSeparable):
            return HearingEncoderGraph(model) if role == "encoder" else ReferredDenoiserGraph(model)
        return HearingDenoiserGraph(model, fused=role == "denoiserFused")

    def inputs(graph: Graph) -> dict[str, Tensor]:
        given = dict(graph.inputs)
        if "control" in given:
            both = given["control"]
            given |= {"control": both[:, :CONTROL_LENGTH].contiguous(), "speech": both[:, CONTROL_LENGTH:].contiguous()}
        if fixture.reference and graph.role != "encoder":
            cell = (fixture.model.latent_channels, fixture.model.height, fixture.model.width)
            given["reference"] = torch.randn(1, *cell, generator=generator)
        return given

    return [
        replace(graph, module=module(graph.role), inputs=inputs(graph))
        for graph in world_model_graphs(model, fused=fixture.commit == "fused")
    ]


def speech_graphs(fixture: SpeechFixture, encoder: TinySpeechEncoder) -> list[Graph]:
    """The speech encoder, and the face check where there is one."""
    generator = torch.Generator().manual_seed(6)
    pcm = torch.rand(1, fixture.window_frames * FRAME_SAMPLES, generator=generator) * 2 - 1
    graphs = [Graph("speechEncoder", "speech-encoder.onnx", encoder, {"pcm": pcm}, ("features",))]
    if fixture.face_check:
        rgb = torch.randint(0, 256, (1, PICTURE, PICTURE, 3), dtype=torch.uint8, generator=generator)
        graphs.append(Graph("faceCheck", "face-check.onnx", TinyFaceCheck(), {"rgb": rgb}, ("score",)))
    return graphs


def pcm_script(fixture: SpeechFixture) -> Tensor:
    """Samples of each block [blocks, F * 640]: noise that swells, two blocks of silence, noise."""
    size = fixture.model.transformer.frames_per_block * FRAME_SAMPLES
    drawn = torch.from_numpy(noise.normals((BLOCKS, size), seed=fixture.seed, block=0, step=0, lane=7))
    loudness = torch.tensor([0.1, 0.4, 0.8, 0.0, 0.0, 0.6, 0.3, 0.5])
    return (loudness[:, None] * drawn).clamp(-1, 1)


@torch.no_grad()
def speech_track(fixture: SpeechFixture, encoder: TinySpeechEncoder, pcm: Tensor) -> Tensor:
    """Features of each frame [frames, `FEATURES`], a block of silence in front."""
    silent = fixture.window_frames + fixture.model.transformer.frames_per_block - 1
    heard = torch.cat((torch.zeros(silent * FRAME_SAMPLES), pcm.flatten()))
    windows = heard.unfold(0, fixture.window_frames * FRAME_SAMPLES, FRAME_SAMPLES)
    return torch.cat([encoder(window[None]) for window in windows])


def rollout(fixture: SpeechFixture, model: Hearing, sigmas: list[float], start: Tensor, track: Tensor) -> Tensor:
    """Latents of every block [blocks, F, C, H, W] under the window of the package."""
    prediction: Literal["x0", "velocity"] = "x0"
    sampling = Sampling(fixture.seed, tuple(sigmas), prediction, "renoise")
    control = control_script(BLOCKS)
    model.reference = start[None] if fixture.reference else None
    if isinstance(model, HearingSeparable):
        model.track = track[1:]
        return separable_rollout(model, start, control, sampling)[:, None]
    model.track = track
    if fixture.commit == "per-step":
        return per_step_rollout(model, start, control, sampling)
    commit = "fused" if fixture.commit == "fused" else "separate"
    return entangled_rollout(model, start, control, sampling, commit=commit, commit_sigma=0.0)


def package(fixture: SpeechFixture, extra: list[Graph]) -> Package:
    """What the fixture's manifest says."""
    return Package(
        id=fixture.name,
        title=fixture.name.replace("-", " ").capitalize(),
        description="A tiny package with random weights that hears, for tests.",
        licence="MIT",
        prediction="x0",
        solver="renoise",
        sigmas={"2": SIGMAS["2"]},
        default_steps=2,
        controls=CONTROLS,
        starts=[Start("waves", "Waves", "starts/waves.png"), Start("dusk", "Dusk", "starts/dusk.png")],
        height=PICTURE,
        width=PICTURE,
        frame_rate=FRAME_RATE,
        commit=fixture.commit,
        extra_graphs={graph.role: graph.file for graph in extra},
        speech={
            "sampleRate": SAMPLE_RATE,
            "samplesPerFrame": FRAME_SAMPLES,
            "windowFrames": fixture.window_frames,
            "lookAheadFrames": fixture.look_ahead_frames,
            "features": FEATURES,
        },
        reference=fixture.reference,
    )


def write_starts(directory: Path) -> np.ndarray:
    """The start pictures; returns the first."""
    (directory / "starts").mkdir(parents=True, exist_ok=True)
    picture = start_picture()
    Image.fromarray(picture).save(directory / "starts" / "waves.png", optimize=True)
    Image.fromarray(255 - picture).save(directory / "starts" / "dusk.png", optimize=True)
    return picture


def write_fixture(fixture: SpeechFixture, directory: Path) -> None:
    """Write one package with its oracle and print how closely ONNX Runtime agrees with PyTorch."""
    picture = write_starts(directory)
    command = "python -m zoetrope_training.speech_fixtures"
    card = f"# {fixture.name}\n\nRandom weights from seed {WEIGHT_SEED}, made by `{command}`.\n"
    (directory / "MODEL_CARD.md").write_text(card)
    separable = fixture.model.topology == "separable"
    model: Hearing = (HearingSeparable if separable else HearingEntangled)(fixture.model).eval()
    codec = TinyCodec(fixture.model.latent_channels, PICTURE // fixture.model.height).eval()
    encoder = TinySpeechEncoder(fixture.window_frames).eval()
    for index, module in enumerate((model, codec, encoder)):
        fill(module, WEIGHT_SEED + index)
    shapes = shapes_of(replace(fixture.model, controls=CONTROL_LENGTH))
    graphs = hearing_graphs(fixture, model)
    graphs += codec_graphs(codec, (shapes.transformer.frames_per_block, *shapes.latent), height=PICTURE, width=PICTURE)
    extra = speech_graphs(fixture, encoder)
    for graph in graphs + extra:
        write_graph(graph, directory)
    write_manifest(directory, package(fixture, extra), shapes, graphs)
    tensors = TensorFile()
    with torch.no_grad():
        start = codec.encode(torch.from_numpy(picture)[None].permute(0, 3, 1, 2).float() / 255)[0]
    pcm = pcm_script(fixture)
    track = speech_track(fixture, encoder, pcm)
    layers = fixture.model.transformer
    index: Json = {
        "start": {"image": "starts/waves.png", "latent": tensors.put(start)},
        "control": tensors.put(control_script(BLOCKS)),
        "pcm": tensors.put(pcm),
        "speech": tensors.put(track),
        "graphs": record_graphs(graphs + extra, tensors),
        "rollouts": [
            {
                "policy": "window",
                "sinkFrames": layers.sink_frames,
                "windowFrames": layers.window_frames,
                "steps": 2,
                "seed": fixture.seed,
                "latents": tensors.put(rollout(fixture, model, SIGMAS["2"], start, track)),
            }
        ],
    }
    tensors.write(directory / "oracle", index)
    print(f"{fixture.name}\n" + "\n".join(f"  {difference}" for difference in compare(graphs + extra, directory)))


def main() -> None:
    """Write every fixture that hears."""
    parser = argparse.ArgumentParser(description="Write the tiny packages that hear.")
    parser.add_argument("directory", type=Path)
    directory: Path = parser.parse_args().directory
    torch.set_num_threads(1)
    for fixture in SPEECH_FIXTURES:
        write_fixture(fixture, directory / fixture.name)


if __name__ == "__main__":
    main()
