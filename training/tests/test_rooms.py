"""The rooms world: what walking does, what is seen, and a whole tiny training that ends in a package."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoetrope_training.player import Player
from zoetrope_training.worlds.rooms import SHELF, evaluate, export, train_autoencoder, train_world
from zoetrope_training.worlds.rooms.level import HELD_OUT_LEVEL, TRAINING_LEVELS, make_level
from zoetrope_training.worlds.rooms.play import World, make_world, roll
from zoetrope_training.worlds.rooms.probe import STILL, motions
from zoetrope_training.worlds.rooms.render import cast, render
from zoetrope_training.worlds.rooms.rules import KEYS, RADIUS, STRIDE, TURN, scattered, step
from zoetrope_training.worlds.rooms.scores import frames_above, likeness
from zoetrope_training.worlds.rooms.world import CONFIG, REACH, RoomsModel


@pytest.fixture(scope="module")
def world() -> World:
    return make_world([make_level(seed) for seed in (*TRAINING_LEVELS, HELD_OUT_LEVEL)])


def keys(count: int, *names: str) -> torch.Tensor:
    return torch.tensor([float(key in names) for key in KEYS]).repeat(count, 1)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_full_turn_shows_the_same_picture_again(world: World) -> None:
    which = torch.arange(3)
    first = scattered(world.levels, which, seeded(1))
    pose = first
    for _ in range(round(math.tau / TURN)):
        pose = step(world.maps, which, pose, keys(3, "left"))

    assert (render(world.maps, which, pose) - render(world.maps, which, first)).abs().mean() < 1e-3


def test_turning_right_moves_what_is_seen_to_the_left(world: World) -> None:
    which = torch.zeros(1, dtype=torch.long)
    pose = torch.tensor([[2.5, 2.5, 0.3]])
    before = render(world.maps, which, pose)
    after = render(world.maps, which, step(world.maps, which, pose, keys(1, "right")))
    shift = lambda by: float((after[..., 8:-8] - before.roll(by, -1)[..., 8:-8]).abs().mean())

    assert shift(-2) < shift(0) < shift(2)


def test_walking_on_keeps_clear_of_the_walls(world: World) -> None:
    which = torch.arange(24) % 3
    pose = scattered(world.levels, which, seeded(2))
    for _ in range(200):
        pose = step(world.maps, which, pose, keys(24, "forward"))
        corners = [pose[:, :2] + RADIUS * torch.tensor(c) for c in ((-1, -1), (-1, 1), (1, -1), (1, 1))]
        assert all((world.maps["solid"][which, *corner.long().unbind(1)] == 0).all() for corner in corners)


def test_a_free_step_is_one_stride_long(world: World) -> None:
    pose = torch.tensor([[2.5, 2.5, 1.0]])
    after = step(world.maps, torch.zeros(1, dtype=torch.long), pose, keys(1, "forward"))

    assert (after - pose)[0, :2].norm().item() == pytest.approx(STRIDE, abs=1e-5)


def test_rays_measure_the_distance_to_the_wall(world: World) -> None:
    pose = torch.tensor([[2.5, 1.5, 1.5 * math.pi]])  # towards the outer wall, whose inner face lies at y = 1

    hits = cast(world.maps, torch.zeros(1, dtype=torch.long), pose)

    assert hits.distance[0, 31:33].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_seed_gives_the_same_walk_and_another_one_another(world: World) -> None:
    first, again, other = (roll(world, 6, 40, seeded(seed)).pose for seed in (3, 3, 4))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_walkers_get_about_and_press_every_key(world: World) -> None:
    walks = roll(world, 120, 300, seeded(5))
    first_level = walks.pose[walks.which == 0][..., :2].long()
    visited = {tuple(cell) for cell in first_level.flatten(0, 1).tolist()}

    assert len(visited) > 0.75 * len(world.levels[0].free)
    assert (walks.control.mean((0, 1)) > 0.02).all()


def test_keys_do_not_follow_from_the_keys_before(world: World) -> None:
    control = roll(world, 60, 300, seeded(8)).control
    changes = (control[:, 1:] != control[:, :-1]).any(-1).float().mean()

    assert changes > 0.08


def test_a_push_against_a_wall_is_read_as_no_motion(world: World) -> None:
    walks = roll(world, 40, 200, seeded(6))
    truth = motions(walks)
    ahead = (walks.control[..., 0] > walks.control[..., 1]).unfold(1, 3, 1).all(-1)
    blocked = (walks.pose[:, 3:, :2] == walks.pose[:, :-3, :2]).all(-1)

    assert (truth.push[truth.steady & ahead & blocked] == STILL).all()
    assert (truth.push[truth.steady & ahead & ~blocked] == STILL + 1).float().mean() > 0.95


def test_features_depend_on_no_frame_beyond_the_reach() -> None:
    torch.manual_seed(0)
    model = RoomsModel(CONFIG).eval()
    clip = torch.randn(1, REACH + 6, CONFIG.latent_channels, CONFIG.height, CONFIG.width)
    control = torch.rand(1, REACH + 6, CONFIG.controls)
    with torch.no_grad():
        whole = model.features(clip, control)[:, -1]
        reach = model.features(clip[:, -REACH:], control[:, -REACH:])[:, -1]
        less = model.features(clip[:, -REACH // 2 :], control[:, -REACH // 2 :])[:, -1]

    assert (whole - reach).abs().max() < 1e-5
    assert (whole - less).abs().max() > 1e-4


def test_a_bank_recognises_its_own_views_and_not_a_flat_colour() -> None:
    bank = torch.rand(20, 3, 64, 64, generator=seeded(7))

    assert likeness(0.5 * bank[3:5] + 0.1, bank) > 0.99
    assert likeness(torch.full((2, 3, 64, 64), 0.4), bank) < 0.01


def test_a_curve_counts_until_it_first_falls_to_the_baseline() -> None:
    assert frames_above(torch.tensor([3.0, 2.0, 1.0, 5.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])) == 2


def test_an_evaluation_has_the_headline_figures_that_its_length_allows() -> None:
    scores = lambda *horizons: {
        "nextFrame": {"model": {"2": 20.0}, "copyLast": 15.5, "autoencoder": 25.0},
        "rollOut": {
            "horizons": list(horizons),
            "model": {"2": [19.0, 18.0, 17.0][: len(horizons)]},
            "shuffledKeys": [15.0, 14.0, 12.0][: len(horizons)],
            "copyLast": [15.0, 14.0, 13.5][: len(horizons)],
            "framesAboveCopyLast": {"2": 12},
        },
    }
    long = evaluate.headline({"heldOutWalks": scores(1, 8, 16), "heldOutLevel": scores(1, 8, 16)})
    short = evaluate.headline({"heldOutWalks": scores(1, 8), "heldOutLevel": scores(1, 8)})

    assert long["psnr_16_over_shuffled_keys_held_out_walks"] == 5.0
    assert long["psnr_16_over_copy_last_held_out_level"] == 3.5
    assert short == {name: figure for name, figure in long.items() if "psnr_16" not in name}
    assert short["next_frame_over_copy_last_held_out_walks"] == 4.5


def test_a_tiny_training_ends_in_a_package_that_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, package = tmp_path / "runs", tmp_path / "package"
    monkeypatch.setattr(SHELF, "runs", runs)
    monkeypatch.setattr(SHELF, "shipped", tmp_path / "shipped")

    def command(module: object, *flags: object) -> None:
        monkeypatch.setattr("sys.argv", ["command", *map(str, flags)])
        module.main()  # type: ignore[attr-defined]

    command(train_autoencoder, "--budget-seconds", 1)
    command(train_world, "--budget-seconds", 1, "--walks", 2, "--frames", 24)
    command(train_world, "--budget-seconds", 2, "--walks", 2, "--frames", 24)
    sizes = ("--clips", 2, "--frames", 8, "--drift-frames", 8, "--probe-steps", 2)
    command(evaluate, "--output", package / "quality.json", "--strip", package / "strip.png", *sizes)
    command(export, "--package", package)

    resumed = torch.load(runs / "world.pt")
    manifest = json.loads((package / "manifest.json").read_text())
    player = Player(package)
    start = np.array(Image.open(package / manifest["starts"][0]["image"]))
    player.start(player.encode(start), seed=1, steps=2)
    picture = player.decode(player.next_block(np.array([1, 0, 0, 0], np.float32)))

    assert resumed["spent"] >= 2
    assert {"NOTICE", "quality.json", "MODEL_CARD.md"} <= set(manifest["files"])
    assert picture.shape == (1, 64, 64, 3)
