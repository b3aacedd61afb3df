"""The avatar's faces, motion and hearing agree with what is said of them, and its clips with its caches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoetrope_training.autoencoder import Autoencoder
from zoetrope_training.export import write_graph
from zoetrope_training.parity import check
from zoetrope_training.transformer import CacheInputs, TransformerConfig, rotary_table
from zoetrope_training.worlds.avatar import motion, speech
from zoetrope_training.worlds.avatar.canvas import MOTION, MOUTH, at_rest
from zoetrope_training.worlds.avatar.clean_commit import CleanCommitModel, roll_out
from zoetrope_training.worlds.avatar.graphs import avatar_graphs
from zoetrope_training.worlds.avatar.identity import is_held_out, random_identities
from zoetrope_training.worlds.avatar.listening import FEATURES, LOOK_AHEAD, SAMPLES, WINDOW, SpeechEncoder
from zoetrope_training.worlds.avatar.model import SIGMAS, AvatarConfig, AvatarModel, begun, denoise_clip, following
from zoetrope_training.worlds.avatar.render import render
from zoetrope_training.worlds.avatar.session import Folded, Window
from zoetrope_training.worlds.avatar.train_autoencoder import CONFIG
from zoetrope_training.worlds.avatar.visemes import RATE, Sound, espeak_sounds, mouth_track

TINY = AvatarConfig(
    channels=12, side=4, patch=2, painter=8, depth=1, lifted=4,
    transformer=TransformerConfig(layers=2, heads=2, head_dim=8, rotary_dim=4, sink_frames=0, window_frames=3),
)
FRAMES = 9


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model() -> AvatarModel:
    """A small model none of whose layers is nothing."""
    torch.manual_seed(3)
    model = AvatarModel(TINY).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model


def clip(model: AvatarModel) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noise, reference, speech features and controls of one clip."""
    generator, cell = seeded(2), (TINY.channels, TINY.side, TINY.side)
    normal = lambda *shape: torch.randn(1, *shape, generator=generator)
    return normal(FRAMES, *cell), normal(*cell), normal(FRAMES, FEATURES), torch.rand(1, FRAMES, motion.CONTROLS, generator=generator)


def cache_of(kept: list[tuple[Tensor, Tensor]]) -> CacheInputs:
    """The newest frames of a step's cache, with no slot empty."""
    config, tokens = TINY.transformer, TINY.tokens_per_frame
    kept = kept[-config.window_frames :]
    empty = torch.zeros(config.layers, config.heads, 0, config.head_dim)
    keys, values = (torch.cat([empty, *(pair[part] for pair in kept)], 2) for part in (0, 1))
    places = torch.arange(len(kept)).repeat_interleave(tokens)
    cached = [table.expand(config.layers, -1, -1) for table in rotary_table(places, config)]
    own = rotary_table(torch.full((tokens,), len(kept)), config)
    return CacheInputs(keys, values, torch.zeros(config.layers, keys.shape[2]), *cached, *own)


@torch.no_grad()
def test_a_clip_made_at_once_is_what_sessions_make_frame_by_frame(model: AvatarModel) -> None:
    noise, reference, heard, control = clip(model)
    at_once = denoise_clip(model, noise, reference, heard, control, len(SIGMAS))
    kept: list[list[tuple[Tensor, Tensor]]] = [[] for _ in SIGMAS]

    def one_pass(step: int, sample: Tensor, frame: int) -> Tensor:
        made, key, value = model.forward_cached(
            sample, torch.tensor([SIGMAS[step]]), control[:, frame], cache_of(kept[step]), reference, heard[:, frame]
        )
        kept[step].append((key, value))
        return made

    for step in range(len(SIGMAS)):
        one_pass(step, begun(reference, noise[:, 0], step), 0)
    for frame in range(1, FRAMES):
        sample = noise[:, frame]
        for step in range(len(SIGMAS)):
            made = one_pass(step, sample, frame)
            sample = following(sample, made, step) if step + 1 < len(SIGMAS) else sample
        assert torch.allclose(made, at_once[:, frame], atol=1e-5)


@torch.no_grad()
def test_a_picture_made_depends_on_sound_controls_reference_and_dice(model: AvatarModel) -> None:
    given = clip(model)
    made = denoise_clip(model, *given)[:, -1]
    for part in range(4):
        changed = [value.clone() for value in given]
        changed[part] += 0.3
        assert (denoise_clip(model, *changed)[:, -1] - made).abs().max() > 1e-4


@torch.no_grad()
def test_features_of_a_stretch_are_those_of_each_frames_window() -> None:
    encoder = SpeechEncoder().eval()
    pcm = 0.1 * torch.randn(2, (5 + WINDOW - 1) * SAMPLES, generator=seeded())
    whole = encoder.forward_clip(pcm)
    for frame in range(5):
        alone = encoder(pcm[:, frame * SAMPLES : (frame + WINDOW) * SAMPLES])
        assert torch.allclose(whole[:, frame], alone, atol=1e-5)


@torch.no_grad()
def test_features_hear_no_further_ahead_than_they_may() -> None:
    encoder = SpeechEncoder().eval()
    pcm = 0.1 * torch.randn(1, (8 + WINDOW - 1) * SAMPLES, generator=seeded())
    changed = pcm.clone()
    frame = 3
    end = (frame + WINDOW) * SAMPLES
    changed[:, end:] = 0
    before, after = encoder.forward_clip(pcm), encoder.forward_clip(changed)
    assert torch.equal(before[:, : frame + 1], after[:, : frame + 1])
    assert not torch.equal(before[:, frame + 1], after[:, frame + 1])
    assert end == (frame + WINDOW - 1 - LOOK_AHEAD + 1 + LOOK_AHEAD) * SAMPLES


def test_lips_meet_in_the_middle_of_a_bilabial_however_short() -> None:
    sounds = [Sound("wide", 0.0, 0.4), Sound("bilabial", 0.4, 0.44), Sound("wide", 0.44, 0.9)]
    opening = mouth_track(sounds, 1.0)[:, 0]
    assert opening[int(0.42 * RATE)] == 0
    assert opening[int(0.2 * RATE)] > 0.7
    assert opening[int(0.6 * RATE)] > 0.7


def test_a_mouth_moves_before_it_is_heard_and_rests_in_silence() -> None:
    opening = mouth_track([Sound("silence", 0.0, 0.5), Sound("wide", 0.5, 1.0)], 1.5)[:, 0]
    assert opening[int(0.4 * RATE)] == 0
    assert opening[int(0.5 * RATE)] > 0.05
    assert opening[-1] < 0.02


def test_names_of_sounds_are_known_with_and_without_stress() -> None:
    assert [sound.shape for sound in espeak_sounds("'aI", 0, 1)] == ["wide", "smile"]
    assert [sound.shape for sound in espeak_sounds("tS", 0, 1)] == ["hush"]
    assert [sound.shape for sound in espeak_sounds("_:", 0, 1)] == ["silence"]


def test_motion_is_causal_and_forgets_what_is_older_than_its_memory() -> None:
    generator = seeded()
    dice, control = torch.randn(1, 60, 12, generator=generator), motion.random_controls(1, 60, generator)
    mouth = torch.rand(1, 60, 5, generator=generator)
    before = motion.perform(dice, control, mouth)
    dice[:, 20] = 4.0
    after = motion.perform(dice, control, mouth)
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.equal(before[:, 20 : 20 + motion.MEMORY], after[:, 20 : 20 + motion.MEMORY])
    assert torch.allclose(before[:, 20 + motion.MEMORY :], after[:, 20 + motion.MEMORY :], atol=1e-6)


def test_noise_shows_the_dice_that_it_was_coupled_to() -> None:
    generator = seeded()
    dice = torch.randn(400, 12, generator=generator)
    noise = motion.couple(torch.randn(400, 12, 16, 16, generator=generator), dice)
    assert torch.allclose(motion.dice_of(noise), dice, atol=1e-4)
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01


def test_people_blink_about_as_often_as_people_do() -> None:
    generator = seeded()
    dice, control = torch.randn(40, 500, 12, generator=generator), torch.zeros(40, 500, motion.CONTROLS)
    lids = MOTION.of(motion.perform(dice, control, torch.zeros(40, 500, 5)), "lids")
    shut = lids < 0.5
    rate = float((shut[:, 1:] & ~shut[:, :-1]).float().mean()) * 25
    assert 0.15 < rate < 0.4


def test_training_never_sees_or_hears_who_is_held_out() -> None:
    assert not is_held_out(random_identities(200, seeded())).any()
    assert is_held_out(random_identities(50, seeded(), held_out=True)).all()
    assert not set(speech.training_voices(60, seeded())) & set(speech.HELD_OUT)


def test_an_opening_mouth_changes_the_lower_face_and_nothing_far_from_it() -> None:
    who, shut = random_identities(6, seeded()), at_rest(6)
    wide = shut.clone()
    wide[:, MOTION.at("opening")] = 1.0
    change = (render(who, wide) - render(who, shut)).abs().amax(1)
    assert (change[:, 78:90, 56:72].amax((1, 2)) > 0.2).all()
    assert change[:, : MOUTH[0].start].max() == 0
    assert change[:, :, :20].max() == 0


def test_heads_of_one_identity_are_drawn_alike_whatever_stands_beside_them() -> None:
    who, pose = random_identities(5, seeded()), motion.resting_pose(5, seeded(4))
    together = render(who, pose)
    alone = torch.cat([render(who[one : one + 1], pose[one : one + 1]) for one in range(5)])
    assert torch.allclose(together, alone, atol=1e-5)
    assert float(together.min()) >= 0
    assert float(together.max()) <= 1


def test_a_folded_cache_never_grows_and_counts_what_it_stands_for() -> None:
    size = 4
    mean = lambda key, value: tuple(part.reshape(1, 1, size, 2, 3).mean(2) for part in (key, value))
    folded, window = Folded(8, 2, size, mean), Window(8)
    frame = torch.zeros(1, 1, 2, 3).numpy()
    for count in range(1, 40):
        for memory in (folded, window):
            memory.commit(frame, frame)
        assert [kept.age for kept in window.slots()] == list(range(min(8, count), 0, -1))
    kept = folded.slots()
    assert len(kept) <= 8 + size - 1 + 2
    assert [one.count for one in kept[:2]] == [size, size]
    assert kept[0].age - kept[1].age == size
    assert kept[1].age > kept[2].age


def test_exported_graphs_compute_what_the_model_computes(tmp_path: Path) -> None:
    torch.manual_seed(5)
    graphs = avatar_graphs(AvatarModel(), Autoencoder(CONFIG))
    for graph in graphs:
        write_graph(graph, tmp_path)
    check(graphs, tmp_path)


def test_a_frame_of_the_clean_commit_sees_only_what_was_made_before_it_within_its_window() -> None:
    torch.manual_seed(3)
    model = CleanCommitModel(TINY).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    noise, reference, speech, control = clip(model)
    history, at, window = noise.roll(1, 1), 6, TINY.transformer.window_frames
    made = lambda past, sample: model.denoise(past, sample, SIGMAS[0], reference, speech, control)[0][0, at]
    plain = made(history, noise)
    for frame in range(FRAMES):
        other = history.clone()
        other[:, frame] += 1
        # Clean frames see clean ones, so what is remembered reaches further back than one window.
        assert torch.equal(made(other, noise), plain) == (frame >= at or frame < at - window * TINY.transformer.layers)
        louder = noise.clone()
        louder[:, frame] += 1
        assert torch.equal(made(history, louder), plain) == (frame != at)


def test_a_session_with_the_clean_commit_remembers_its_own_frames() -> None:
    torch.manual_seed(4)
    model = CleanCommitModel(TINY).eval()
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    noise, reference, speech, control = clip(model)
    played = roll_out(model, noise, reference, speech, control)
    assert torch.equal(played[:, 0], reference)
    sample = noise
    with torch.no_grad():
        for step, sigma in enumerate(SIGMAS):
            made, _ = model.denoise(played, sample, sigma, reference, speech, control)
            sample = following(sample, made, step) if step + 1 < len(SIGMAS) else sample
    assert (made[:, 1:] - played[:, 1:]).abs().max() < 1e-4


def test_occasions_tell_rare_throws_and_what_fell_with_them() -> None:
    dice = torch.randn(4096, len(motion.DICE), generator=seeded())
    told = motion.occasions(dice)
    assert told.shape == (4096, motion.OCCASIONS)
    assert 0.3 < float(told.square().mean()) < 3
    begins = (dice[:, 5] > motion.GLANCE_ABOVE).float() * dice[:, 6]
    # A linear map of them, unlike one of the dice, knows where a glance goes.
    known = torch.linalg.lstsq(told, begins[:, None]).solution
    alone = torch.linalg.lstsq(dice, begins[:, None]).solution
    left = lambda x, weights: float((x @ weights - begins[:, None]).square().mean() / begins.var())
    assert left(told, known) < 0.2 and left(dice, alone) > 0.8
