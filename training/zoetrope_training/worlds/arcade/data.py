"""Clips of play as latent codes: true ones, and ones whose first pictures have a fault to mend."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...autoencoder import Autoencoder
from . import rules
from .play import Player, roll
from .render import OBJECTS, render
from .rules import State
from .train_autoencoder import scattered

RENDER_BATCH = 256
FAULTY_FRAMES = 4
"""Leading frames of a faulty clip that show the fault; the next one is whole again."""


@dataclass(frozen=True)
class Clips:
    """Codes and what made them.

    Attributes:
        codes: uint8 [clips, frames, channels, grid, grid], the level index of every channel.
        control: float32 [clips, frames - 1, controls]; entry t leads from frame t to frame t + 1.
        dice: float32 [clips, frames - 1, spots].
        event: bool [clips, frames - 1], a star was taken, a hazard touched, or the light began to change.
    """

    codes: Tensor
    control: Tensor
    dice: Tensor
    event: Tensor


@torch.no_grad()
def encode(model: Autoencoder, picture: Tensor) -> Tensor:
    """Pictures [n, 3, size, size] to codes, uint8 [n, channels, grid, grid]."""
    return codes_of(model.encoder(picture), model.config.levels)


def codes_of(latent: Tensor, levels: int) -> Tensor:
    """Latents on the grid to codes, uint8, same shape."""
    return ((latent + 1) * ((levels - 1) / 2)).round().to(torch.uint8)


def latents(codes: Tensor, levels: int) -> Tensor:
    """Codes to latents in [-1, 1], float32, same shape."""
    return codes.float() * (2 / (levels - 1)) - 1


def begin(games: int, generator: torch.Generator) -> State:
    """Where games start: half anywhere at all, half on the spawn pad, some about to see the light change."""
    wide = scattered(games, generator)
    home = rules.initial(games, generator)
    pick = torch.rand(games, generator=generator) < 0.5
    state = rules.choose(pick, wide, home)
    late = torch.rand(games, generator=generator) < 0.3
    return replace(state, counter=torch.where(late, rules.PIPS - 1, state.counter))


def play_clips(model: Autoencoder, games: int, frames: int, generator: torch.Generator) -> Clips:
    """`games` clips of `frames` pictures of ordinary play."""
    states, control, dice = roll(begin(games, generator), frames - 1, Player(games, generator), generator)
    pictures = lambda t: encode(model, render(states[t]))
    codes = torch.stack([pictures(t) for t in range(frames)], 1)
    return Clips(codes, control.transpose(0, 1), dice.transpose(0, 1), _events(states))


def _events(states: list[State]) -> Tensor:
    """Which transitions are rare ones: bool [games, frames - 1]."""
    flags = []
    for before, after in zip(states, states[1:], strict=False):
        jumped = ((after.x - before.x).abs() > rules.RUN) | ((after.y - before.y).abs() > 9)
        flags.append((after.spot != before.spot) | jumped | (after.phase != before.phase))
    return torch.stack(flags, 1)


def faulty_clips(model: Autoencoder, games: int, frames: int, generator: torch.Generator) -> Clips:
    """Clips that begin with something missing or a star too many, and are whole from frame FAULTY_FRAMES on.

    A missing star appears where the dice say, a missing hazard at the start of its walk, a missing player on
    the spawn pad; of two stars the one at the lower spot stays. `event` marks the mending transition only;
    transitions before it have no true target and must not be learned from.
    """
    player = Player(games, generator)
    states, control, dice = roll(begin(games, generator), FAULTY_FRAMES - 1, player, generator)
    kind = torch.randint(0, 8, (games,), generator=generator)
    hidden = torch.zeros(games, len(OBJECTS), dtype=torch.bool)
    hidden[:, 0] = kind < 3
    for column, name in enumerate(OBJECTS[1:], 1):
        hidden[:, column] = kind == 5 + OBJECTS.index(name) - 1
    double = (kind == 3) | (kind == 4)
    other = (states[0].spot + torch.randint(1, len(rules.SPOTS), (games,), generator=generator)) % len(rules.SPOTS)
    second = torch.where(double, other, -1)
    shown = [encode(model, render(s, hidden=hidden, second_spot=second)) for s in states]

    mending = torch.randn(games, len(rules.SPOTS), generator=generator)
    keys = player(states[-1])
    mended = _mend(rules.step(states[-1], keys, mending), states[-1], hidden, second, mending)
    rest, later_control, later_dice = roll(mended, frames - FAULTY_FRAMES - 1, player, generator)
    shown += [encode(model, render(s)) for s in rest]
    event = torch.zeros(games, frames - 1, dtype=torch.bool)
    event[:, FAULTY_FRAMES - 1] = True
    join = lambda a, b, c: torch.cat([a, b[None], c]).transpose(0, 1)
    return Clips(
        torch.stack(shown, 1), join(control, keys.stack(), later_control), join(dice, mending, later_dice), event,
    )


def _mend(after: State, before: State, hidden: Tensor, second: Tensor, dice: Tensor) -> State:
    """The state that a faulty picture should lead to."""
    no_star, no_slime, no_bat, no_player = hidden.unbind(1)
    kept = torch.where(second >= 0, torch.minimum(second, before.spot), before.spot)
    gone = no_player | no_star
    spot = torch.where(no_star, dice.argmax(1), torch.where((second >= 0) | no_player, kept, after.spot))
    return replace(
        appear(after, no_player, no_slime, no_bat),
        spot=spot,
        counter=torch.where(gone | (second >= 0), before.counter, after.counter),
        phase=torch.where(gone | (second >= 0), before.phase, after.phase),
        fade=torch.where(gone | (second >= 0), (before.fade - 1).clamp(min=0), after.fade),
    )


def appear(state: State, player: Tensor, slime: Tensor, bat: Tensor) -> State:
    """Lost parts where they begin: the player on the spawn pad, a hazard at the start of its walk; bool [batch] each."""
    put = lambda lost, begin, now: torch.where(lost, torch.as_tensor(begin), now)
    return replace(
        state,
        x=put(player, rules.SPAWN_X, state.x), y=put(player, rules.SPAWN_Y, state.y),
        vy=put(player, 0, state.vy), facing=put(player, 1, state.facing),
        slime_x=put(slime, rules.SLIME_RANGE[0], state.slime_x), slime_dir=put(slime, 1, state.slime_dir),
        bat_x=put(bat, rules.BAT_RANGE[0], state.bat_x), bat_dir=put(bat, 1, state.bat_dir),
    )
