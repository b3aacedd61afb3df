"""The maze's rules, pictures and dice agree, and its model remembers in training what the engine's cache holds."""

from __future__ import annotations

import torch
from torch import Tensor

from zoetrope_training.denoiser import DenoiserConfig
from zoetrope_training.level_model import LevelModelConfig, LevelWorldModel
from zoetrope_training.memory import Grouped, Memory, Merged, Stream
from zoetrope_training.segments import segment_features, visible
from zoetrope_training.transformer import CacheInputs, TransformerConfig, rotary_table
from zoetrope_training.world_model import WorldModelConfig
from zoetrope_training.worlds.maze import dice, play, probe, rules
from zoetrope_training.worlds.maze.data import Sampler, draw_codes, play_episodes
from zoetrope_training.worlds.maze.compressor import Compressor, fold_mean
from zoetrope_training.worlds.maze.render import render
from zoetrope_training.worlds.maze.rules import State
from zoetrope_training.worlds.maze.tiles import every_tile

WALKS, FRAMES = 8, 60
TINY = LevelModelConfig(
    world=WorldModelConfig(
        latent_channels=3, controls=4, features=4, height=4, width=4, summary=True,
        transformer=TransformerConfig(layers=2, heads=2, head_dim=8, rotary_dim=4, sink_frames=0, window_frames=3),
        denoiser=DenoiserConfig(channels=8, depth=1),
    ),
    levels=5,
)
TRANSFORMER = TINY.world.transformer
TOKENS = TINY.world.tokens_per_frame


def walked(seed: int) -> tuple[Tensor, list[State], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    world = dice.random_worlds(WALKS, generator)
    state = play.begin(world, generator)
    return world, *play.roll(world, state, FRAMES, play.Player(world, state, generator))


def tiny_model() -> LevelWorldModel:
    torch.manual_seed(1)
    model = LevelWorldModel(TINY).eval()
    for parameter in model.encoder.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model


def some_frames(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(-2, 3, (1, count, 3, 4, 4), generator=generator) / 2, torch.rand(1, count, 4, generator=generator)


def test_the_probe_reads_every_room_and_player_back() -> None:
    world, states, _ = walked(1)
    for state in states[::6]:
        reading = probe.read(render(world, state))
        assert reading.whole.all()
        assert torch.equal(reading.row, rules.room_of(world, state.room))
        assert torch.equal(reading.state.stack(), state.stack())


def test_players_walk_through_doors_and_never_into_walls() -> None:
    world, states, control = walked(2)
    crossed = 0
    for before, keys, after in zip(states, control, states[1:], strict=False):
        direction = rules.exit_of(before, keys)
        assert torch.equal(after.room, rules.beyond(before.room, direction))
        doors = rules.doors(before.room)
        assert doors.gather(1, direction.clamp(min=0)[:, None])[direction >= 0].all()
        places = rules.free_places(rules.room_of(world, after.room), after.room)
        assert places[torch.arange(WALKS), after.y // rules.UNIT, after.x // rules.UNIT].all()
        stayed = (direction < 0)[:, None]
        moved = (after.stack() - before.stack())[:, 1:3].abs() * stayed
        assert (moved <= rules.UNIT).all()
        crossed += int((direction >= 0).sum())
    assert crossed > WALKS


def test_coupled_noise_describes_its_rooms_and_stays_normal() -> None:
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(3)
    rows = dice.random_worlds(200, generator).flatten(0, 1)
    noise = dice.couple(torch.randn(len(rows), 12, 8, 8, generator=generator), rows)
    assert torch.equal(dice.rooms_of(noise), rows)
    assert abs(float(noise.mean())) < 0.01 and abs(float(noise.std()) - 1) < 0.01
    assert abs(float(noise[:, 0, 2, 2].std()) - 1) < 0.04 and abs(float(noise[:, 0, 0, 2].std()) - 1) < 0.04


def test_every_look_of_a_room_is_equally_likely() -> None:
    rows = dice.random_worlds(300, torch.Generator().manual_seed(4)).flatten(0, 1)
    for column, kinds in ((0, rules.HUES), (1, rules.PATTERNS), (2, rules.WALLS)):
        counts = torch.bincount(rows[:, column], minlength=kinds).float()
        expected = len(rows) / kinds
        assert float(((counts - expected).square() / expected).sum()) < 25


def test_a_clip_knows_which_rooms_it_can_remember() -> None:
    generator = torch.Generator().manual_seed(6)
    sampler = Sampler(play_episodes(4, 160, generator), generator)
    lengths = (3, 3, 3, 3)
    clips = sampler(8, lengths, 0.9)
    assert clips.context.shape == (8, 12, 12, 8, 8)
    assert clips.known[~clips.crosses].all()
    assert torch.equal(clips.source.any(2), clips.known)
    assert not clips.known[:, 0][clips.crosses[:, 0]].any()
    assert visible(lengths).sum() == 4 * 6 + 6 * 9


def cached(model: LevelWorldModel, latents: Tensor, control: Tensor) -> Tensor:
    """Features of every frame by the graph's own forward against a cache that keeps everything, clamped positions."""
    keys, values, features = [], [], []
    for frame in range(latents.shape[1]):
        age = torch.arange(frame, 0, -1).repeat_interleave(TOKENS)
        tables = rotary_table((TRANSFORMER.window_frames - age).clamp(min=0), TRANSFORMER)
        own = rotary_table(torch.full((TOKENS,), TRANSFORMER.window_frames), TRANSFORMER)
        shape = (TRANSFORMER.layers, TRANSFORMER.heads, 0, TRANSFORMER.head_dim)
        past = CacheInputs(
            torch.cat([torch.zeros(shape), *keys], 2), torch.cat([torch.zeros(shape), *values], 2),
            torch.zeros(TRANSFORMER.layers, len(age)), *(t.expand(TRANSFORMER.layers, -1, -1) for t in tables), *own,
        )
        made, key, value = model.encoder.forward_cached(latents[:, frame], control[:, frame], past)
        keys.append(key)
        values.append(value)
        features.append(made)
    return torch.stack(features, 1)


def test_a_window_of_a_clip_equals_the_cached_forward() -> None:
    model, (latents, control) = tiny_model(), some_frames(4)
    clip, _ = segment_features(model, latents, control, (4,), torch.ones(1, 4))
    assert torch.allclose(clip, cached(model, latents, control), atol=1e-5)


def test_segments_that_are_memory_equal_the_cached_forward() -> None:
    """Frames of earlier segments are at position 0 whatever their age, as cached frames beyond the window are."""
    model, (latents, control) = tiny_model(), some_frames(6)
    clip, _ = segment_features(model, latents, control, (1, 1, 4), torch.ones(1, 6))
    keys, values = [], []
    for frame in range(2):
        own = rotary_table(torch.full((TOKENS,), 3), TRANSFORMER)
        spread = [t.expand(TRANSFORMER.layers, -1, -1) for t in rotary_table(torch.zeros(frame * TOKENS), TRANSFORMER)]
        empty = torch.zeros(TRANSFORMER.layers, TRANSFORMER.heads, 0, TRANSFORMER.head_dim)
        past = CacheInputs(torch.cat([empty, *keys], 2), torch.cat([empty, *values], 2), torch.zeros(TRANSFORMER.layers, frame * TOKENS), *spread, *own)
        made, key, value = model.encoder.forward_cached(latents[:, frame], control[:, frame], past)
        assert torch.allclose(made, clip[:, frame], atol=1e-5)
        keys.append(key)
        values.append(value)


def test_the_stream_equals_the_cached_forward_also_beyond_the_window() -> None:
    model, (latents, control) = tiny_model(), some_frames(9)
    stream = Stream(model, Memory(TRANSFORMER, 1, TOKENS, None))
    made = torch.stack([stream.features(latents[:, t], control[:, t]) for t in range(9)], 1)
    assert torch.allclose(made, cached(model, latents, control), atol=1e-5)


def test_merging_equal_frames_changes_nothing() -> None:
    model, (latents, control) = tiny_model(), some_frames(1)
    frame = Memory(TRANSFORMER, 1, TOKENS, None), Merged(TRANSFORMER, 1, TOKENS, 16, 0.9)
    key = torch.randn(2, 1, 2, TOKENS, 8)
    value = torch.randn(2, 1, 2, TOKENS, 8)
    outputs = []
    for memory in frame:
        for _ in range(5):
            memory.take((key, value))
        outputs.append(Stream(model, memory).features(latents[:, 0], control[:, 0]))
    assert torch.allclose(*outputs, atol=1e-5)
    assert (frame[1].held == TOKENS).all()


def test_a_compressor_begins_as_the_mean() -> None:
    torch.manual_seed(7)
    key, value = torch.randn(2, 2, 1, 2, 4 * TOKENS, 8).unbind(0)
    for raster in (False, True):
        made = Compressor(2, 2, 8, frames=4, tokens=TOKENS, raster=raster)(key, value)
        for part, mean in zip(made, fold_mean(key, value, 4, raster), strict=True):
            assert torch.allclose(part, mean, atol=1e-6)


def test_groups_stay_as_many_as_they_may_be() -> None:
    memory = Grouped(TRANSFORMER, 1, TOKENS, 6 * TOKENS, lambda k, v: fold_mean(k, v, 2, False), 2)
    for frame in range(40):
        memory.take((torch.full((2, 1, 2, TOKENS, 8), float(frame)), torch.zeros(2, 1, 2, TOKENS, 8)))
    stands = memory.bias.exp().sum(-1) / TOKENS
    assert torch.allclose(stands, torch.full_like(stands, 40.0))
    mean = (memory.key.mean((2, 4)) * memory.bias.exp()).sum(-1) / memory.bias.exp().sum(-1)
    assert torch.allclose(mean, torch.full_like(mean, 19.5), atol=1e-3)


def test_codes_are_those_that_the_tiles_of_a_picture_have() -> None:
    tiles, codes, _ = every_tile()
    listed = {tile.numpy().tobytes(): code for tile, code in zip(tiles, codes, strict=True)}
    assert len({code.numpy().tobytes() for code in listed.values()}) == len(listed)
    world, states, _ = walked(8)
    picture = (render(world, states[-1]) * 255).round().to(torch.uint8)
    shown = picture.unflatten(3, (8, 16)).unflatten(2, (8, 16)).permute(0, 2, 4, 1, 3, 5).flatten(0, 2).contiguous()
    drawn = draw_codes(world, states[-1]).permute(0, 2, 3, 1).flatten(0, 2)
    assert all(torch.equal(listed[tile.numpy().tobytes()], code) for tile, code in zip(shown, drawn, strict=True))
