"""Play an exported package with a rolling cache, as the engine does, in Python.

It reads the manifest and the graphs and nothing else, so evaluations measure what is shipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zoetrope_training.graphs import EMPTY_BIAS
from zoetrope_training.parity import open_session
from zoetrope_training.rollout import Sampling, denoise

Floats = NDArray[np.float32]


@dataclass
class RollingCache:
    """Keys and values of the frames a policy keeps, oldest first, sinks before the window.

    Shapes: each entry of `key` and `value` is [layers, heads, tokens per frame, head dim].
    """

    sink_frames: int
    window_frames: int
    key: list[Floats] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)

    def commit(self, key: Floats, value: Floats, frames: int) -> None:
        """Add `frames` frames and evict the oldest outside the sinks."""
        self.key += np.split(key, frames, axis=2)
        self.value += np.split(value, frames, axis=2)
        excess = len(self.key) - self.sink_frames - self.window_frames
        if excess > 0:
            evicted = slice(self.sink_frames, self.sink_frames + excess)
            del self.key[evicted]
            del self.value[evicted]


class Player:
    """One session on one package: a start latent, then a block for each control vector."""

    def __init__(
        self,
        directory: Path,
        *,
        sink_frames: int | None = None,
        window_frames: int | None = None,
        threads: int = 1,
    ) -> None:
        self.manifest = json.loads((directory / "manifest.json").read_text())
        self.graphs = {
            role: open_session(directory / name, threads) for role, name in self.manifest["graphs"].items()
        }
        self.layout = self.manifest["cache"]
        self.limits = (
            self.layout["sinkFrames"] if sink_frames is None else sink_frames,
            self.layout["windowFrames"] if window_frames is None else window_frames,
        )
        self.frames_per_block: int = self.manifest["lanes"]["video"]["framesPerBlock"]

    def start(self, latent: Floats, seed: int, steps: int) -> None:
        """Forget everything and begin from a clean latent [C, H, W]."""
        schedule = self.manifest["schedule"]
        sigmas = tuple(schedule["sigmas"][str(steps)])
        self.sampling = Sampling(seed, sigmas, schedule["prediction"], schedule["solver"])
        self.cache = RollingCache(*self.limits)
        self.block = 0
        self.clean = np.repeat(latent[None], self.frames_per_block, axis=0)
        self.history = self.clean
        self.clean_control: Floats | None = None
        self.clean_previous = self.previous()

    def previous(self) -> Floats:
        """The last clean latents the model is given, [P, C, H, W], newest last."""
        count: int = self.manifest["conditioning"]["previousFrames"]
        missing = max(0, count - len(self.history))
        padded = np.concatenate((np.repeat(self.history[:1], missing, axis=0), self.history))
        return padded[len(padded) - count :]

    def next_block(self, control: Floats) -> Floats:
        """Make one block [F, C, H, W] under a control vector [N]."""
        separable = self.manifest["topology"] == "separable"
        latents = self.separable_block(control) if separable else self.entangled_block(control)
        self.clean_previous = self.previous()
        self.clean, self.clean_control = latents, control
        self.history = np.concatenate((self.history, latents))[-8:]
        self.block += 1
        return latents

    def separable_block(self, control: Floats) -> Floats:
        """Encode the newest frame, commit it, run the denoiser's steps."""
        feeds = {"latent": self.clean, "control": control[None]} | self.cache_feeds(1)
        features, key, value = run(self.graphs["encoder"], feeds)
        self.cache.commit(key, value, 1)

        def predict(sample: Floats, sigma: float, step: int) -> Floats:
            feeds = {"sample": sample, "sigma": np.array([sigma], np.float32), "features": features}
            return run(self.graphs["denoiser"], feeds | self.previous_feed(self.previous()))[0]

        return self.denoise(predict)

    def entangled_block(self, control: Floats) -> Floats:
        """Commit the block before, in its own pass or together with the first step, then run the steps."""
        fused = self.manifest["commit"]["strategy"] == "fused"
        if not fused:
            self.commit_clean()

        def predict(sample: Floats, sigma: float, step: int) -> Floats:
            if fused and step == 0:
                return self.fused_step(sample, sigma, control)
            feeds = self.block_feeds(sample, sigma, control) | self.previous_feed(self.previous())
            return run(self.graphs["denoiser"], feeds)[0]

        return self.denoise(predict)

    def commit_clean(self) -> None:
        """Run the newest clean block at the commit's noise level and keep its keys and values."""
        sigma = self.manifest["commit"]["sigma"]
        feeds = self.block_feeds(self.clean, sigma, self.clean_control) | self.previous_feed(self.clean_previous)
        _, key, value = run(self.graphs["denoiser"], feeds)
        self.cache.commit(key, value, self.frames_per_block)

    def fused_step(self, sample: Floats, sigma: float, control: Floats) -> Floats:
        """The first step of a block in one pass with the commit of the clean block before it."""
        clean = self.block_feeds(self.clean, self.manifest["commit"]["sigma"], self.clean_control)
        noisy = self.block_feeds(sample, sigma, control)
        both = {name: np.concatenate((clean[name], noisy[name])) for name in ("sample", "sigma", "control")}
        prediction, key, value = run(self.graphs["denoiserFused"], both | self.cache_feeds(2 * self.frames_per_block))
        tokens = self.frames_per_block * self.layout["tokensPerFrame"]
        self.cache.commit(key[:, :, :tokens], value[:, :, :tokens], self.frames_per_block)
        return prediction[self.frames_per_block :]

    def block_feeds(self, sample: Floats, sigma: float, control: Floats | None) -> dict[str, Floats]:
        """Inputs of the entangled denoiser for one block."""
        frames = self.frames_per_block
        length = next(i.shape[1] for i in self.graphs["denoiser"].get_inputs() if i.name == "control")
        vector = np.zeros(length, np.float32) if control is None else control
        return {
            "sample": sample,
            "sigma": np.full(frames, sigma, np.float32),
            "control": np.repeat(vector[None], frames, axis=0),
        } | self.cache_feeds(frames)

    def previous_feed(self, previous: Floats) -> dict[str, Floats]:
        """The `previous` input where the model has one."""
        return {"previous": previous} if len(previous) else {}

    def cache_feeds(self, frames: int) -> dict[str, Floats]:
        """Cache inputs for a pass over `frames` frames that follow the cached ones."""
        layout, cached = self.layout, len(self.cache.key)
        tokens = layout["tokensPerFrame"]
        slots = (layout["sinkFrames"] + layout["windowFrames"]) * tokens
        key = np.zeros((layout["layers"], layout["heads"], slots, layout["headDim"]), np.float32)
        value = np.zeros_like(key)
        bias = np.full((layout["layers"], slots), EMPTY_BIAS, np.float32)
        if cached:
            key[:, :, : cached * tokens] = np.concatenate(self.cache.key, axis=2)
            value[:, :, : cached * tokens] = np.concatenate(self.cache.value, axis=2)
        bias[:, : cached * tokens] = 0.0
        first = layout["windowFrames"] - cached if layout["position"]["scheme"] == "clamped" else 0
        cached_tables = self.tables(np.maximum(0, first + np.arange(slots) // tokens))
        cache_cos, cache_sin = (np.repeat(table[None], layout["layers"], axis=0) for table in cached_tables)
        query_cos, query_sin = self.tables(first + cached + np.arange(frames * tokens) // tokens)
        names = ("cache_key", "cache_value", "cache_bias", "cache_cos", "cache_sin", "query_cos", "query_sin")
        tensors = (key, value, bias, cache_cos, cache_sin, query_cos, query_sin)
        return dict(zip(names, tensors, strict=True))

    def tables(self, positions: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Rotary cosines and sines [n, R2] of frame positions [n]."""
        position = self.layout["position"]
        half = position["rotaryDim"] // 2
        angles = positions[:, None] * position["theta"] ** (-np.arange(half) / half)
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def denoise(self, predict: object) -> Floats:
        """Run the steps of the current block with a network on numpy arrays."""
        latent = self.manifest["lanes"]["video"]["latent"]
        shape = (self.frames_per_block, latent["channels"], latent["height"], latent["width"])
        assert callable(predict)

        def on_tensors(sample: torch.Tensor, sigma: float, step: int) -> torch.Tensor:
            return torch.from_numpy(predict(sample.numpy(), sigma, step))

        return denoise(shape, self.block, self.sampling, on_tensors).numpy()

    def encode(self, rgb: NDArray[np.uint8]) -> Floats:
        """A picture [height, width, 3] to its latent [C, H, W]."""
        return run(self.graphs["imageEncoder"], {"rgb": rgb[None]})[0][0]

    def decode(self, latents: Floats) -> NDArray[np.uint8]:
        """One block of latents [F, C, H, W] to pictures [F, height, width, 3]."""
        return self.graphs["decoder"].run(None, {"latent": latents})[0]


def run(session: object, feeds: dict[str, Floats]) -> list[Floats]:
    """Run a graph and return its outputs in order."""
    return session.run(None, feeds)  # type: ignore[attr-defined]
