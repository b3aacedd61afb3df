"""Write a package: ONNX graphs, and a manifest that names every file with its size and digest."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from zoetrope_training.graphs import SLOT_AXES, Codec, Graph, codec_graphs, world_model_graphs
from zoetrope_training.transformer import TransformerConfig
from zoetrope_training.world_model import WorldModel, WorldModelConfig

FORMAT = "zoetrope.package/1"
OPSET = 17

Json = dict[str, Any]


@dataclass(frozen=True)
class Start:
    """A picture a session can start from; `image` is a path inside the package."""

    id: str
    title: str
    image: str

    def entry(self) -> Json:
        """The manifest's entry."""
        return {"id": self.id, "title": self.title, "image": self.image}


@dataclass(frozen=True)
class Package:
    """What a manifest says beyond the model's own shapes."""

    id: str
    title: str
    description: str
    licence: str
    prediction: Literal["x0", "velocity"]
    solver: Literal["euler", "renoise"]
    sigmas: dict[str, list[float]]
    """Noise levels of each step count."""
    default_steps: int
    controls: list[Json]
    starts: list[Start]
    height: int
    """Pixels."""
    width: int
    frame_rate: int = 30
    scaling: Literal["nearest", "smooth"] = "nearest"
    """How pages enlarge its pictures."""
    version: str = "1.0.0"
    card: str = "MODEL_CARD.md"
    cover: str | None = None
    commit: Literal["separate", "fused", "per-step", "encoder"] = "encoder"
    commit_sigma: float = 0.0
    quantiser: Json | None = None
    extra_files: list[str] = field(default_factory=list)
    """Other files of the package, such as its truth."""
    provider: Json | None = None
    positions: Literal["window", "clamped"] = "window"
    """How cached frames are numbered when they are read."""
    most_slots: int | None = None
    """The most cache slots a session may choose; the graphs leave their number open then."""
    cache_policy: Json | None = None
    """What sessions keep unless they choose otherwise, as the manifest's `cache.policy` says it."""
    queries: bool = False
    """Whether graphs that attend answer their queries, so that sessions may read the cache by hash."""
    group_frames: int | None = None
    """Frames that the package's compressors fold into one."""
    extra_graphs: dict[str, str] = field(default_factory=dict)
    """Graphs by role that are in the folder already, such as a compressor."""
    speech: Json | None = None
    """The speech lane, as the manifest's `lanes.speech` says it."""
    reference: bool = False
    """Whether the denoiser is given the latent of the session's reference picture."""


@dataclass(frozen=True)
class Shapes:
    """What a manifest says of the networks."""

    topology: Literal["separable", "entangled"]
    latent: tuple[int, int, int]
    """Channels, height, width."""
    tokens_per_frame: int
    previous_frames: int
    features: tuple[int, int, int] | None
    """Channels and grid of the encoder's features; None when entangled."""
    transformer: TransformerConfig


def shapes_of(config: WorldModelConfig) -> Shapes:
    """The shapes of a world model."""
    return Shapes(
        topology=config.topology,
        latent=(config.latent_channels, config.height, config.width),
        tokens_per_frame=config.tokens_per_frame,
        previous_frames=config.previous_frames,
        features=config.feature_shape if config.topology == "separable" else None,
        transformer=config.transformer,
    )


def write_graph(graph: Graph, directory: Path, *, open_slots: bool = False) -> Path:
    """Export one graph with static shapes, but for the cache's slots when they are `open_slots`; returns its path."""
    path = directory / graph.file
    axes = {name: {axis: "slots"} for name, axis in SLOT_AXES.items() if open_slots and name in graph.inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module.eval(),
            tuple(graph.inputs.values()),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes=axes,
        )
    return path


def file_entry(path: Path) -> Json:
    """Size and digest of a file, as the manifest lists them."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def lane(package: Package, shapes: Shapes) -> Json:
    """The video lane: rate, picture and latent shapes."""
    channels, height, width = shapes.latent
    return {
        "frameRate": package.frame_rate,
        "width": package.width,
        "height": package.height,
        "framesPerBlock": shapes.transformer.frames_per_block,
        "scaling": package.scaling,
        "latent": {"channels": channels, "height": height, "width": width, "quantiser": package.quantiser},
    }


def cache_layout(package: Package, shapes: Shapes) -> Json:
    """Shape of the cache and the position scheme."""
    transformer = shapes.transformer
    chosen = {
        "mostSlots": package.most_slots,
        "queries": package.queries or None,
        "groupFrames": package.group_frames,
        "policy": package.cache_policy,
    }
    return {
        **({"kind": "state"} if transformer.state else {}),
        "layers": transformer.layers,
        "heads": transformer.heads,
        "headDim": transformer.head_dim,
        "tokensPerFrame": shapes.tokens_per_frame,
        "sinkFrames": transformer.sink_frames,
        "windowFrames": transformer.window_frames,
        **{name: entry for name, entry in chosen.items() if entry is not None},
        "position": {"scheme": package.positions, "rotaryDim": transformer.rotary_dim, "theta": transformer.theta},
    }


def schedule(package: Package) -> Json:
    """What the network predicts and the noise levels it is stepped through."""
    return {
        "prediction": package.prediction,
        "solver": package.solver,
        "sigmas": package.sigmas,
        "defaultSteps": package.default_steps,
    }


def manifest(package: Package, shapes: Shapes, graphs: list[Graph], int8: dict[str, str], files: Json) -> Json:
    """The whole manifest, in the order readers want it; parts a package lacks are left out."""
    exported = {graph.role: graph.file for graph in graphs}
    features = None if shapes.features is None else list(shapes.features)
    speech = {} if package.speech is None else {"speech": package.speech}
    reference = {"reference": True} if package.reference else {}
    entries: Json = {
        "format": FORMAT,
        "id": package.id,
        "version": package.version,
        "title": package.title,
        "description": package.description,
        "licence": package.licence,
        "card": package.card,
        "cover": package.cover,
        "files": files,
        "topology": shapes.topology,
        "graphs": exported | int8 | package.extra_graphs,
        "fullPrecision": {role: exported[role] for role in int8} or None,
        "lanes": {"video": lane(package, shapes)} | speech,
        "conditioning": {"previousFrames": shapes.previous_frames, "features": features} | reference,
        "schedule": schedule(package),
        "commit": {"strategy": package.commit, "sigma": package.commit_sigma},
        "cache": cache_layout(package, shapes),
        "controls": package.controls,
        "starts": [start.entry() for start in package.starts],
        "provider": package.provider,
    }
    return {name: entry for name, entry in entries.items() if entry is not None}


def write_manifest(
    directory: Path, package: Package, shapes: Shapes, graphs: list[Graph], int8: dict[str, str] | None = None
) -> None:
    """Digest every file the package names and write `manifest.json`.

    `int8`: files of the roles that run in int8.

    @raises FileNotFoundError: the package names a file that is not there.
    """
    int8 = int8 or {}
    named = [graph.file for graph in graphs] + [*int8.values(), *package.extra_graphs.values()]
    named += [start.image for start in package.starts]
    named += [package.card] + ([package.cover] if package.cover else []) + package.extra_files
    files = {name: file_entry(directory / name) for name in sorted(set(named))}
    text = json.dumps(manifest(package, shapes, graphs, int8, files), indent=2, ensure_ascii=False)
    (directory / "manifest.json").write_text(text + "\n")


def write_package(directory: Path, package: Package, model: WorldModel, codec: Codec) -> list[Graph]:
    """Export all graphs of a world model and its autoencoder into `directory` and write the manifest.

    Starts, card and extra files must be there already. Returns the graphs, for a parity check.
    """
    directory.mkdir(parents=True, exist_ok=True)
    shapes = shapes_of(model.config)
    latent_shape = (shapes.transformer.frames_per_block, *shapes.latent)
    graphs = world_model_graphs(model, fused=package.commit == "fused", queries=package.queries)
    graphs += codec_graphs(codec, latent_shape, height=package.height, width=package.width)
    for graph in graphs:
        write_graph(graph, directory, open_slots=package.most_slots is not None)
    write_manifest(directory, package, shapes, graphs)
    return graphs
