"""Reads the state back from a picture, by synthesis: which state, drawn, explains the picture best?

The light comes first, from the whole picture; then the player, the star and the hazards, each at the place
where its sprite explains most of what the scenery leaves over; then the counter. Nothing here was learned,
so the probe has no taste of its own: a smeared object is simply not there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from . import render, rules
from .rules import Control, State

CLOCK = rules.PHASES * rules.FADE
"""Distinguishable lights: the phases and the steps of the fades between them."""
PARTS = ("player", "slime", "bat", "star", "counter")
"""What must be there exactly once, in the order of `Reading.present`."""
LIKENESS = 0.025
"""Largest mean squared error of a sprite that still counts as that sprite; values in [0, 1]."""
SHARE = 0.45
"""Largest share of the scenery's error that a sprite may leave over where it stands."""
TWIN = 7
"""Pixels within which a second match is the same object."""
LATTICE = 2
"""Everything stands at even pixels, so only those are tried."""
PIP_LIKENESS = 0.04
DAMAGE = 0.12
"""Mean absolute error of an 8 x 8 block above which the picture shows something that no state explains."""


@dataclass(frozen=True)
class Reading:
    """What a batch of pictures shows.

    Attributes:
        state: the state of each picture. Its `vy` holds only the sign that the pose shows, its directions what
            the sprites show, and its `fade` the light: the first frame of a fade looks like the frame before it.
            `complete` resolves all of them from two pictures.
        present: bool [batch, 5], whether each of `PARTS` is there exactly once.
        damage: float [batch], largest mean absolute error of an 8 x 8 block against the state, drawn.
    """

    state: State
    present: Tensor
    damage: Tensor

    @property
    def whole(self) -> Tensor:
        """Whether everything is there exactly once and nothing else is; bool [batch]."""
        return self.present.all(-1) & (self.damage < DAMAGE)


def read(picture: Tensor) -> Reading:
    """Read float pictures [batch, 3, 128, 128] in [0, 1]."""
    clock = _light(picture)
    still, tint = _lights_of(clock)
    player, x, y, found = _player(picture, still, tint)
    facing, pose = player // 4, player % 4
    drawn = still.clone()
    hidden = torch.zeros_like(picture[:, 0], dtype=torch.bool)
    sprite = render.sprites()["player"][facing, pose]
    render.blit(drawn, hidden, sprite, x, y, tint)

    slime, slime_x, slime_found = _in_row(picture, drawn, hidden, tint, "slime", rules.SLIME_Y)
    bat, bat_x, bat_found = _in_row(picture, drawn, hidden, tint, "bat", rules.BAT_Y)
    spot, star_found = _star(picture, drawn, hidden, tint)
    counter, counted = _counter(picture)

    grounded = pose < 2
    phase = (clock + rules.FADE - 1) // rules.FADE
    state = State(
        x=x, y=y, vy=torch.where(grounded, 0, torch.where(pose == 2, -1, 1)), facing=facing * 2 - 1, spot=spot,
        slime_x=slime_x, slime_dir=slime * 2 - 1, bat_x=bat_x, bat_dir=bat // 2 * 2 - 1,
        counter=counter, phase=phase % rules.PHASES, fade=phase * rules.FADE - clock,
    )
    present = torch.stack([found, slime_found, bat_found, star_found, counted], -1)
    error = (picture - _redraw(state, still, tint, facing, pose)).abs().mean(1, keepdim=True)
    return Reading(state, present, F.avg_pool2d(error, 8).flatten(1).amax(1))


def complete(before: State, now: State) -> State:
    """Fill in what only two pictures show: speeds and directions, and whether a fade has just begun.

    A player who moved further than legs allow was sent home and stands still.

    Args:
        before, now: `Reading.state` (or a full state) of two pictures in a row.
    """
    speed = now.y - before.y
    sent_home = ((now.x - before.x).abs() > rules.RUN) | (speed < rules.JUMP) | (speed > rules.FALL_LIMIT)
    grounded = rules.standing(now.x, now.y) & (speed >= 0)
    vy = torch.where(grounded | sent_home | (now.y <= rules.CEILING), 0, speed)
    begins = (now.fade == 0) & (before.counter == rules.PIPS - 1) & (now.counter == 0)
    return replace(
        now, vy=vy,
        slime_dir=_direction(before.slime_x, now.slime_x, now.slime_dir, rules.SLIME_RANGE),
        bat_dir=_direction(before.bat_x, now.bat_x, now.bat_dir, rules.BAT_RANGE),
        fade=torch.where(begins, rules.FADE, now.fade),
        phase=torch.where(begins, (now.phase + 1) % rules.PHASES, now.phase),
    )


def _direction(before: Tensor, now: Tensor, seen: Tensor, reach: tuple[int, int]) -> Tensor:
    """Where a hazard goes next, from its last move; it turns in the frame that touches an end of its walk."""
    moved = torch.where(now == before, seen, (now - before).sign())
    return torch.where(now <= reach[0], 1, torch.where(now >= reach[1], -1, moved))


def light_clock(state: State) -> Tensor:
    """The light as one number, 0 to `CLOCK - 1`; equal for states that look the same. Int64 [batch]."""
    return (state.phase * rules.FADE - state.fade) % CLOCK


def follow(before: State, now: State, control: Control, after: State) -> State:
    """What the rules make of two readings, given the spot that `after` shows when a star was taken."""
    dice = F.one_hot(after.spot, len(rules.SPOTS)).float()
    return rules.step(complete(before, now), control, dice)


def obeys(before: State, now: State, control: Control, after: State) -> dict[str, Tensor]:
    """Which part of `after` is what the rules make of `before` and `now`, to a pixel; bool [batch] each."""
    expected = follow(before, now, control, after)
    near = lambda name: (getattr(expected, name) - getattr(after, name)).abs() <= 1
    same = lambda name: getattr(expected, name) == getattr(after, name)
    return {
        "player": near("x") & near("y") & same("facing"),
        "slime": near("slime_x"),
        "bat": near("bat_x"),
        "star": same("spot"),
        "counter": same("counter"),
        "light": light_clock(expected) == light_clock(after),
    }


def _lights_of(clock: Tensor) -> tuple[Tensor, Tensor]:
    """Scenery [n, 3, 128, 128] and what sprites are multiplied with [n, 3], under lights [n]."""
    phase = (clock + rules.FADE - 1) // rules.FADE
    after, before = phase % rules.PHASES, (phase - 1) % rules.PHASES
    share = ((phase * rules.FADE - clock).float() / rules.FADE)[:, None]
    stills, lights = render.scenery(), torch.tensor(render.LIGHTS)
    wide = share[:, :, None, None]
    tint = lights[after] * (1 - share) + lights[before] * share
    return stills[after] * (1 - wide) + stills[before] * wide, 0.5 + 0.5 * tint


@cache
def _sparse_stills() -> Tensor:
    """A ninth of the scenery's pixels under each light: float [32, n]."""
    return _sparse(_lights_of(torch.arange(CLOCK))[0])


def _sparse(picture: Tensor) -> Tensor:
    """A ninth of the pixels below the counter, flattened: [batch, n]."""
    return picture[:, :, rules.CEILING :: 3, 1::3].flatten(1)


def _light(picture: Tensor) -> Tensor:
    """Index of the light that explains the picture best; errors are capped so that objects hardly count."""
    few = _sparse(picture)
    errors = [(few - still).abs().clamp(max=0.12).mean(1) for still in _sparse_stills()]
    return torch.stack(errors, 1).argmin(1)


def _explain(
    picture: Tensor, still: Tensor, visible: Tensor, tint: Tensor, art: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """How well sprites explain each place of a picture.

    Args:
        picture, still: [batch, 3, h, w], what is seen and what is known to be behind.
        visible: float [batch, 1, h, w], 0 where something is in front.
        tint: [batch, 3].
        art: sprites [k, 4, sh, sw].

    Returns:
        Squared error with the sprite, squared error without it, and visible pixels, each
        [batch, k, (h - sh) // 2 + 1, (w - sw) // 2 + 1] for the places of the lattice; errors are summed over
        pixels and averaged over colours.
    """
    colour, alpha = art[:, :3] * art[:, 3:], art[:, 3:]
    tint = tint[:, :, None, None]
    planes = torch.cat(
        [visible * picture.square().sum(1, keepdim=True), visible * tint * picture, visible * tint.square()], 1,
    )
    kernel = torch.cat([alpha, -2 * colour, colour.square()], 1) / 3
    behind = visible * (picture - still).square().mean(1, keepdim=True)
    return tuple(F.conv2d(*pair, stride=LATTICE) for pair in ((planes, kernel), (behind, alpha), (visible, alpha)))


def _found(error: Tensor, without: Tensor, pixels: Tensor) -> Tensor:
    """Whether a sprite is really there."""
    return (error < LIKENESS * pixels) & (error < SHARE * without)


def _best(error: Tensor, without: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best match and whether it is the only one.

    Shapes: [batch, k, h, w] each, over the lattice; returns sprite, column and row (pixels) and found, [batch] each.
    """
    batch, _, height, width = error.shape
    gain = without - error
    best = gain.flatten(1).argmax(1)
    sprite, place = best // (height * width), best % (height * width)
    row, column = place // width, place % width
    there = _found(error, without, pixels)
    far_x = LATTICE * (torch.arange(width) - column[:, None]).abs() > TWIN
    far_y = LATTICE * (torch.arange(height) - row[:, None]).abs() > TWIN
    far = far_x[:, None, :] | far_y[:, :, None]
    twin = (there.any(1) & far).flatten(1).any(1)
    return sprite, column * LATTICE, row * LATTICE, there.flatten(1).gather(1, best[:, None])[:, 0] & ~twin


def _player(picture: Tensor, still: Tensor, tint: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sprite index (facing * 4 + pose), column, row, found; [batch] each."""
    rows = slice(rules.CEILING, rules.GROUND)
    visible = torch.ones_like(picture[:, :1, rows])
    art = render.sprites()["player"].flatten(0, 1)
    sprite, x, y, found = _best(*_explain(picture[:, :, rows], still[:, :, rows], visible, tint, art))
    return sprite, x, y + rules.CEILING, found


def _in_row(
    picture: Tensor, still: Tensor, hidden: Tensor, tint: Tensor, name: str, top: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """A hazard, which keeps to its row: sprite index, column, found; [batch] each."""
    art = render.sprites()[name]
    art = art.reshape(-1, *art.shape[-3:])
    rows = slice(top, top + art.shape[-2])
    visible = (~hidden[:, None, rows]).float()
    sprite, x, _, found = _best(*_explain(picture[:, :, rows], still[:, :, rows], visible, tint, art))
    return sprite, x, found


def _star(picture: Tensor, still: Tensor, hidden: Tensor, tint: Tensor) -> tuple[Tensor, Tensor]:
    """The star's spot and whether it is the only star at any spot; [batch] each."""
    visible = (~hidden[:, None]).float()
    planes = _explain(picture, still, visible, 0.5 + 0.5 * tint, render.sprites()["star"][None])
    columns, rows = torch.tensor(rules.SPOTS).unbind(1)
    error, without, pixels = (plane[:, 0, rows // LATTICE, columns // LATTICE] for plane in planes)
    there = _found(error, without, pixels)
    spot = (without - error).argmax(1)
    return spot, there.gather(1, spot[:, None])[:, 0] & (there.sum(1) == 1)


def _counter(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Lit pips, and whether every pip is clearly lit or dark and the lit ones come first; [batch] each."""
    pip = render.sprites()["pip"]
    colour, alpha = pip[:3], pip[3:]
    lit, clear = [], []
    for k in range(rules.PIPS):
        box = picture[:, :, 1:9, 4 + 9 * k : 12 + 9 * k]
        bright, dark = (
            ((box - ink).square() * alpha).sum((1, 2, 3)) / (3 * alpha.sum()) for ink in (colour, 0.16)
        )
        lit.append(bright < dark)
        clear.append(torch.minimum(bright, dark) < PIP_LIKENESS)
    lit = torch.stack(lit, 1).long()
    in_order = (lit[:, 1:] <= lit[:, :-1]).all(1)
    return lit.sum(1).clamp(max=rules.PIPS - 1), torch.stack(clear, 1).all(1) & in_order


def _redraw(state: State, still: Tensor, tint: Tensor, facing: Tensor, pose: Tensor) -> Tensor:
    """Draw a reading over its scenery, with the player's sprite as it was read."""
    picture = still.clone()
    covered = torch.zeros_like(picture[:, 0], dtype=torch.bool)
    art = render.sprites()
    spots = torch.tensor(rules.SPOTS)[state.spot]
    star = art["star"].expand(len(picture), *art["star"].shape)
    flap = (state.bat_x // 6) % 2
    render.blit(picture, covered, star, spots[:, 0], spots[:, 1], 0.5 + 0.5 * tint)
    slime = art["slime"][(state.slime_dir > 0).long()]
    render.blit(picture, covered, slime, state.slime_x, render.row_of(state, rules.SLIME_Y), tint)
    bat = art["bat"][(state.bat_dir > 0).long(), flap]
    render.blit(picture, covered, bat, state.bat_x, render.row_of(state, rules.BAT_Y), tint)
    render.blit(picture, covered, art["player"][facing, pose], state.x, state.y, tint)
    render.pips(picture, covered, art["pip"], state.counter)
    return picture
