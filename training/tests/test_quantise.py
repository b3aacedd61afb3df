"""Graphs in int8: even channels and woven pixels change nothing, eight bits change little, twice is the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from zoetrope_training.autoencoder import Autoencoder, AutoencoderConfig, Decoder
from zoetrope_training.equalise import equalise, loudness, share
from zoetrope_training.quantise import quantise_graph, weave_channels_last

SIZE, CHANNELS = 32, 3


@pytest.fixture
def decoder() -> Decoder:
    """A small decoder whose channels differ in loudness."""
    torch.manual_seed(3)
    model = Autoencoder(AutoencoderConfig(size=SIZE, channels=CHANNELS, widths=(8, 8, 8))).decoder.eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.1)
            with torch.no_grad():
                layer.weight *= torch.logspace(-0.3, 0.3, len(layer.weight))[:, None, None, None]
    nn.init.normal_(model.place)
    return model


@pytest.fixture
def latents() -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randint(0, 5, (12, CHANNELS, SIZE // 8, SIZE // 8), generator=generator).float() / 2 - 1


def exported(decoder: Decoder, path: Path) -> Path:
    latent = torch.zeros(1, CHANNELS, SIZE // 8, SIZE // 8)
    torch.onnx.export(decoder, (latent,), str(path), dynamo=False, input_names=["latent"], output_names=["picture"])
    return path


def run(model: Path | bytes, latents: Tensor) -> Tensor:
    session = ort.InferenceSession(model if isinstance(model, bytes) else str(model))
    return torch.cat([torch.from_numpy(session.run(None, {"latent": one[None].numpy()})[0]) for one in latents])


def test_even_channels_decode_the_same(decoder: Decoder, latents: Tensor) -> None:
    with torch.no_grad():
        before = decoder(latents)
        uneven = share(loudness(decoder, lambda: decoder(latents))[0][decoder.fine.second]).min()
        equalise(decoder, latents)
        assert torch.allclose(decoder(latents), before, atol=1e-4 * float(before.abs().max()))
        assert share(loudness(decoder, lambda: decoder(latents))[0][decoder.fine.second]).min() > uneven


def test_woven_pixels_are_the_shuffled_ones(decoder: Decoder, latents: Tensor, tmp_path: Path) -> None:
    path = exported(decoder, tmp_path / "decoder.onnx")
    woven = weave_channels_last(onnx.load(path))
    behind = [node.op_type for node in woven.graph.node].count("DepthToSpace")
    assert behind < [node.op_type for node in onnx.load(path).graph.node].count("DepthToSpace")
    assert torch.allclose(run(woven.SerializeToString(), latents), run(path, latents), atol=1e-4)


def test_int8_is_near_and_the_same_every_time(decoder: Decoder, latents: Tensor, tmp_path: Path) -> None:
    with torch.no_grad():
        equalise(decoder, latents)
    path = exported(decoder, tmp_path / "decoder.onnx")
    feeds = [{"latent": one[None].numpy()} for one in latents]
    targets = [tmp_path / "first.onnx", tmp_path / "second.onnx"]
    for target in targets:
        quantise_graph(path, target, feeds, keep=("last",))
    assert targets[0].read_bytes() == targets[1].read_bytes()
    wanted, found = run(path, latents), run(targets[0], latents)
    assert float((found - wanted).square().mean().sqrt() / wanted.std()) < 0.1


def test_layers_that_are_kept_stay_float32(decoder: Decoder, latents: Tensor, tmp_path: Path) -> None:
    path = exported(decoder, tmp_path / "decoder.onnx")
    quantise_graph(path, tmp_path / "int8.onnx", [{"latent": latents[:1].numpy()}], keep=("last", "to_fine"))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    plain = {node.name for node in graph.node if node.op_type == "Conv" and node.input[1] in floats}
    assert plain == {"/last/Conv", "/to_fine/Conv"}
