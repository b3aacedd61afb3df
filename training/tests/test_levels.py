"""Latents on a grid of levels: rounding, basis, the model that answers on the grid, and its export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from zoetrope_training.autoencoder import Autoencoder, AutoencoderConfig, hats, quantise
from zoetrope_training.budget import Budget, save_checkpoint
from zoetrope_training.denoiser import DenoiserConfig
from zoetrope_training.graphs import world_model_graphs
from zoetrope_training.export import write_graph
from zoetrope_training.level_model import LevelModelConfig, LevelWorldModel, best_levels
from zoetrope_training.parity import compare
from zoetrope_training.rollout import Sampling, separable_rollout
from zoetrope_training.transformer import TransformerConfig
from zoetrope_training.world_model import WorldModelConfig

LEVELS = 5
TINY = LevelModelConfig(
    world=WorldModelConfig(
        latent_channels=3, controls=2, features=4, height=4, width=4,
        transformer=TransformerConfig(layers=1, heads=1, head_dim=8, rotary_dim=4, sink_frames=0, window_frames=2),
        denoiser=DenoiserConfig(channels=8, depth=1),
    ),
    levels=LEVELS,
)


def on_grid(latent: Tensor) -> bool:
    return bool(((latent + 1) * ((LEVELS - 1) / 2) % 1).abs().max() < 1e-5)


def test_quantise_rounds_to_the_nearest_level_and_passes_gradients() -> None:
    latent = torch.linspace(-1.3, 1.3, 53, requires_grad=True)
    rounded = quantise(latent, LEVELS)
    assert on_grid(rounded.detach())
    assert float((rounded - latent.clamp(-1, 1)).detach().abs().max()) <= 0.25 + 1e-6
    rounded.sum().backward()
    assert latent.grad is not None and torch.equal(latent.grad, torch.ones(53))


def test_hats_are_one_hot_on_the_grid_and_sum_to_one_between() -> None:
    grid = torch.linspace(-1, 1, LEVELS).view(1, LEVELS, 1, 1)
    basis = hats(grid, LEVELS).view(LEVELS, LEVELS)
    assert torch.allclose(basis.sort(0).values[-1], torch.ones(LEVELS))
    between = hats(torch.rand(2, 3, 4, 4) * 2 - 1, LEVELS).view(2, 3, LEVELS, 4, 4)
    assert torch.allclose(between.sum(2), torch.ones(2, 3, 4, 4))


def test_a_crop_is_coded_like_the_same_place_of_the_whole_picture() -> None:
    torch.manual_seed(1)
    model = Autoencoder(AutoencoderConfig(size=64, channels=3, widths=(4, 4, 4))).eval()
    nn.init.normal_(model.encoder.place)
    picture = torch.rand(1, 3, 64, 64)
    at = torch.tensor([[2, 1]])
    crop = picture[:, :, 16:56, 8:48]
    whole, cut = model.encoder.continuous(picture), model.encoder.continuous(crop, at)
    assert torch.allclose(whole[:, :, 4, 3], cut[:, :, 2, 2], atol=1e-5)


def test_the_model_answers_on_the_grid_for_a_whole_rollout() -> None:
    torch.manual_seed(2)
    model = LevelWorldModel(TINY).eval()
    start = best_levels(torch.randn(1, 3 * LEVELS, 4, 4), LEVELS)[0]
    sampling = Sampling(seed=3, sigmas=(1.0, 0.5), prediction="x0", solver="euler")
    blocks = separable_rollout(model, start, torch.rand(5, 2).round(), sampling)
    assert blocks.shape == (5, 3, 4, 4) and on_grid(blocks)


def test_exported_graphs_agree_with_pytorch(tmp_path: Path) -> None:
    torch.manual_seed(4)
    graphs = world_model_graphs(LevelWorldModel(TINY).eval())
    for graph in graphs:
        write_graph(graph, tmp_path)
    assert len(compare(graphs, tmp_path)) > 0


def test_a_budget_resumes_where_it_stood(tmp_path: Path) -> None:
    budget = Budget(1000, spent=500)
    assert 0.5 <= budget.progress < 0.51
    assert Budget(10, spent=20).progress == 1
    assert budget.rate(1.0) < Budget(1000, spent=100).rate(1.0)
    save_checkpoint(tmp_path / "run" / "a.pt", spent=7)
    assert torch.load(tmp_path / "run" / "a.pt") == {"spent": 7}


def test_the_configuration_can_be_resized() -> None:
    wide = replace(TINY, world=replace(TINY.world, features=6))
    assert LevelWorldModel(wide).encoder.features.out_features == 6 * TINY.world.patch**2
