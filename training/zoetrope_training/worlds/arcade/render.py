"""The picture of a state: static scenery under the state's light, and pixel-art sprites on top.

Everything that the next state depends on can be seen: facing in the sprites, vertical speed in the pose and
between two pictures, the light in every pixel.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import rules
from .rules import SIZE, State

_PLAYER = {
    "run_a": """
...hhhhhh...
..hhhhhhhh..
..hhhhhhhhh.
..hsssssss..
..hsswksswk.
..hsswksswk.
...sssssss..
...ssspss...
..rrrrrrr...
.rrrrrrrrr..
.rrryrryrrr.
.s.rrrrrr.s.
...bbbbbb...
..bbb..bbb..
..bb....bb..
.kkk....kkk.""",
    "run_b": """
...hhhhhh...
..hhhhhhhh..
..hhhhhhhhh.
..hsssssss..
..hsswksswk.
..hsswksswk.
...sssssss..
...ssspss...
..rrrrrrr...
..rrrrrrrr..
..rryrryrr..
..srrrrrrs..
...bbbbbb...
....bbbb....
....bbbb....
....kkkkk...""",
    "rise": """
...hhhhhh...
..hhhhhhhh..
..hhhhhhhhh.
..hsssssss..
s.hsswksswks
s.hsswksswks
.r.sssssss.r
.rr.sspss.rr
..rrrrrrrrr.
...rrrrrrr..
...ryrryrr..
...rrrrrr...
...bbbbbb...
...bbb.bbb..
..kbb..kbb..
..kk...kk...""",
    "fall": """
..hhhhhhhh..
.hhhhhhhhhh.
..hhhhhhhhh.
..hsssssss..
..hsswksswk.
..hsswksswk.
...sssssss..
s..ssppss..s
srrrrrrrrrrs
..rrrrrrrr..
...ryrryrr..
...rrrrrr...
..bbbbbbbb..
.bbb....bbb.
.kk......kk.
............""",
}
_SLIME = """
................
.....gggggg.....
...gggggggggg...
..ggllggggggggg.
..gllggggggggggg
.gglggggwwkgwwk.
.gggggggwkkgwkkg
.gggggggwkkgwkkg
gggggggggggggggg
ggggggggddggdggg
gggddggdddgggddg
.ddddddddddddddd"""
_BAT = {
    "up": """
vv............vv
vvv....vv....vvv
.vvv.vvvvvv.vvv.
.vvvvvvvvvvvvvv.
..vvvvwkvwkvvv..
..vvvvwkvwkvvv..
....vvvvvvvv....
.....vwvvwv.....
......vvvv......
................""",
    "down": """
................
.....v..vv......
.....vvvvvv.....
....vvvvvvvv....
...vvvwkvwkvvv..
..vvvvwkvwkvvvv.
.vvvvvvvvvvvvvv.
.vvv.vwvvwv.vvv.
vvv...vvvv...vvv
vv............vv""",
}
_STAR = """
....oo....
....yo....
...yyyo...
yyywyyyyoo
.yywwyyyo.
..yywyyo..
..yyyyyo..
.yyyooyyo.
.yyo..oyo.
yyo....oyo"""
_PIP = """
...yy...
...yy...
yywwyyyy
.ywwyyy.
..yyyy..
..yyyy..
.yyooyy.
.yo..oy."""

_COLOURS = {
    "h": (0.35, 0.18, 0.10), "s": (1.00, 0.80, 0.62), "w": (1.00, 1.00, 1.00), "k": (0.08, 0.07, 0.12),
    "p": (0.85, 0.40, 0.38), "r": (0.92, 0.22, 0.22), "y": (1.00, 0.85, 0.20), "b": (0.16, 0.27, 0.70),
    "g": (0.30, 0.85, 0.42), "l": (0.78, 1.00, 0.78), "d": (0.13, 0.52, 0.30), "v": (0.55, 0.25, 0.78),
    "o": (0.95, 0.58, 0.08),
}

_SKY = (((0.98, 0.62, 0.50), (0.99, 0.86, 0.68)), ((0.28, 0.62, 0.96), (0.74, 0.91, 1.00)),
        ((0.36, 0.20, 0.50), (0.98, 0.50, 0.36)), ((0.04, 0.06, 0.18), (0.14, 0.18, 0.40)))
"""Top and bottom of the sky at dawn, day, dusk and night."""
LIGHTS = ((1.00, 0.88, 0.82), (1.00, 1.00, 1.00), (0.95, 0.72, 0.66), (0.50, 0.56, 0.82))
"""What each light multiplies scenery with; sprites get half of it."""
_ORB = ((24, 62, 9, (1.0, 0.93, 0.70)), (100, 22, 9, (1.0, 0.98, 0.80)),
        (106, 66, 10, (1.0, 0.70, 0.42)), (28, 66, 8, (0.92, 0.94, 1.0)))
"""Column, row, radius and colour of the sun or the moon."""


def _sprite(art: str) -> Tensor:
    """Pixel art to float32 [4, height, width]: colour and coverage."""
    rows = art.strip("\n").split("\n")
    pixels = np.zeros((4, len(rows), len(rows[0])), np.float32)
    for r, row in enumerate(rows):
        for c, key in enumerate(row):
            if key != ".":
                pixels[:, r, c] = (*_COLOURS[key], 1.0)
    return torch.from_numpy(pixels)


def _both_ways(art: str) -> Tensor:
    """Facing left and right: float32 [2, 4, height, width]."""
    right = _sprite(art)
    return torch.stack([right.flip(-1), right])


@cache
def sprites() -> dict[str, Tensor]:
    """All sprites: player [2, 4 poses, 4, 16, 12], slime [2, 4, 12, 16], bat [2, 2, 4, 10, 16], star, pip."""
    return {
        "player": torch.stack([_both_ways(_PLAYER[k]) for k in ("run_a", "run_b", "rise", "fall")], 1),
        "slime": _both_ways(_SLIME),
        "bat": torch.stack([_both_ways(_BAT[k]) for k in ("up", "down")], 1),
        "star": _sprite(_STAR),
        "pip": _sprite(_PIP),
    }


def light(state: State) -> tuple[Tensor, Tensor, Tensor]:
    """Phase before, phase after and share of the former; [batch] each."""
    share = state.fade.float() / rules.FADE
    return (state.phase - 1) % rules.PHASES, state.phase, share


@cache
def scenery() -> Tensor:
    """The still picture at each of the four lights: float32 [4, 3, 128, 128] in [0, 1]."""
    return torch.from_numpy(np.stack([_paint(phase) for phase in range(rules.PHASES)]))


def _paint(phase: int) -> np.ndarray:
    """Paint one light at four times the size, then average down for smooth edges."""
    s = 4
    n = SIZE * s
    yy, xx = np.mgrid[0:n, 0:n].astype(np.float32) / s
    top, bottom = (np.array(c, np.float32)[:, None, None] for c in _SKY[phase])
    tint = np.array(LIGHTS[phase], np.float32)
    picture = top + (bottom - top) * np.clip(yy / 110, 0, 1)
    _orb(picture, xx, yy, phase)
    _hills(picture, xx, yy, tint, bottom)
    for left, right, height in rules.PLATFORMS[1:]:
        _platform(picture, xx, yy, left, right, height, tint)
    _ground(picture, xx, yy, tint)
    picture = picture.reshape(3, SIZE, s, SIZE, s).mean((2, 4))
    return np.clip(picture, 0, 1).astype(np.float32)


def _fill(picture: np.ndarray, mask: np.ndarray, colour: np.ndarray | tuple[float, ...], alpha: float = 1.0) -> None:
    colour = np.asarray(colour, np.float32)[:, None]
    picture[:, mask] = picture[:, mask] * (1 - alpha) + colour * alpha


def _orb(picture: np.ndarray, xx: np.ndarray, yy: np.ndarray, phase: int) -> None:
    column, row, radius, colour = _ORB[phase]
    distance = np.hypot(xx - column, yy - row)
    _fill(picture, distance < radius + 5, colour, 0.25)
    _fill(picture, distance < radius, colour)
    if phase == rules.PHASES - 1:
        for k in range(26):
            _fill(picture, np.hypot(xx - (k * 47 + 9) % 126, yy - (k * 29 + 14) % 74) < 0.55, (1, 1, 1), 0.8)
    else:
        for k, (cx, cy) in enumerate(((34, 30), (74, 20), (112, 44))):
            cloud = np.zeros_like(xx, bool)
            for dx, dy, r in ((-6, 1, 4), (0, -1, 5.5), (6, 1, 4.2)):
                cloud |= np.hypot(xx - cx - dx - 3 * phase, (yy - cy - dy) * 1.5) < r
            _fill(picture, cloud, (1, 1, 1), 0.45 - 0.06 * k)


def _hills(picture: np.ndarray, xx: np.ndarray, yy: np.ndarray, tint: np.ndarray, haze: np.ndarray) -> None:
    far = 92 - 10 * np.sin(xx / 19 + 0.6) - 5 * np.sin(xx / 9)
    near = 104 - 7 * np.sin(xx / 14 + 2.4) - 3 * np.sin(xx / 6 + 1)
    haze = haze[:, 0, 0]
    _fill(picture, yy > far, 0.55 * haze + 0.45 * tint * np.array((0.36, 0.55, 0.58)))
    _fill(picture, yy > near, 0.25 * haze + 0.75 * tint * np.array((0.30, 0.56, 0.42)))


def _platform(
    picture: np.ndarray, xx: np.ndarray, yy: np.ndarray, left: int, right: int, top: int, tint: np.ndarray,
) -> None:
    inside = (xx >= left) & (xx < right)
    soil = inside & (yy >= top) & (yy < top + 8 - 1.5 * np.abs((xx - (left + right) / 2) / (right - left)) * 2)
    _fill(picture, soil, tint * np.array((0.56, 0.38, 0.25)))
    _fill(picture, soil & (np.mod(xx * 0.9 + np.floor(yy / 3) * 5, 11) < 1.4), tint * np.array((0.44, 0.28, 0.19)))
    _fill(picture, soil & (yy > top + 5.4), tint * np.array((0.40, 0.26, 0.18)))
    blades = top + 2.2 + 1.1 * np.sin(xx * 1.9)
    _fill(picture, inside & (yy >= top) & (yy < blades), tint * np.array((0.36, 0.76, 0.30)))
    _fill(picture, inside & (yy >= top) & (yy < top + 1), tint * np.array((0.55, 0.90, 0.40)))


def _ground(picture: np.ndarray, xx: np.ndarray, yy: np.ndarray, tint: np.ndarray) -> None:
    top = rules.GROUND
    soil = yy >= top
    _fill(picture, soil, tint * np.array((0.50, 0.34, 0.23)))
    _fill(picture, soil & (np.mod(xx + np.floor(yy / 4) * 7, 16) < 1.2), tint * np.array((0.40, 0.26, 0.18)))
    _fill(picture, soil & (np.mod(yy - top, 4) < 0.8), tint * np.array((0.42, 0.28, 0.19)))
    _fill(picture, soil & (yy < top + 3 + 1.2 * np.sin(xx * 1.3)), tint * np.array((0.34, 0.72, 0.30)))
    _fill(picture, soil & (yy < top + 1), tint * np.array((0.55, 0.90, 0.40)))


def pose(state: State) -> Tensor:
    """Index of the player's sprite: two running poses by column, rising, falling; int64 [batch]."""
    grounded = rules.standing(state.x, state.y) & (state.vy >= 0)
    running = (state.x // 6) % 2
    return torch.where(grounded, running, torch.where(state.vy < 0, 2, 3))


OBJECTS = ("star", "slime", "bat", "player")


def render(
    state: State, mask: bool = False, hidden: Tensor | None = None, second_spot: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Draw a batch of states.

    Args:
        state: what to draw.
        mask: also return which pixels belong to an object or a lit pip.
        hidden: bool [batch, 4], which of `OBJECTS` to leave out; for learning to mend such pictures.
        second_spot: [batch], where to draw a star too many, -1 for none.

    Returns:
        float32 [batch, 3, 128, 128] in [0, 1], and bool [batch, 128, 128] when `mask`.
    """
    device = state.x.device
    before, after, share = light(state)
    share = share[:, None, None, None]
    stills = scenery().to(device)
    picture = stills[after] * (1 - share) + stills[before] * share
    lights = torch.tensor(LIGHTS, device=device)
    tint = lights[after] * (1 - share[:, :, 0, 0]) + lights[before] * share[:, :, 0, 0]
    tint = 0.5 + 0.5 * tint
    covered = torch.zeros(len(picture), SIZE, SIZE, dtype=torch.bool, device=device)
    art = {name: sprite.to(device) for name, sprite in sprites().items()}

    batch = len(picture)
    every_spot = torch.tensor(rules.SPOTS, device=device)
    hidden = torch.zeros(batch, len(OBJECTS), dtype=torch.bool, device=device) if hidden is None else hidden
    shown = ~hidden[:, :, None, None, None]
    right = lambda direction: (direction > 0).long()
    one = lambda sprite: sprite.expand(batch, *sprite.shape)
    glow = 0.5 + 0.5 * tint
    spot = every_spot[state.spot]
    blit(picture, covered, one(art["star"]) * shown[:, 0], spot[:, 0], spot[:, 1], glow)
    if second_spot is not None:
        spot = every_spot[second_spot.clamp(min=0)]
        extra = one(art["star"]) * (second_spot >= 0)[:, None, None, None]
        blit(picture, covered, extra, spot[:, 0], spot[:, 1], glow)
    slime = art["slime"][right(state.slime_dir)] * shown[:, 1]
    blit(picture, covered, slime, state.slime_x, row_of(state, rules.SLIME_Y), tint)
    bat = art["bat"][right(state.bat_dir), (state.bat_x // 6) % 2] * shown[:, 2]
    blit(picture, covered, bat, state.bat_x, row_of(state, rules.BAT_Y), tint)
    player = art["player"][right(state.facing), pose(state)] * shown[:, 3]
    blit(picture, covered, player, state.x, state.y, tint)
    pips(picture, covered, art["pip"], state.counter)
    return (picture, covered) if mask else picture


def row_of(state: State, row: int) -> Tensor:
    """`row` for every game of the batch; int64 [batch]."""
    return torch.full_like(state.x, row)


def blit(picture: Tensor, covered: Tensor, sprite: Tensor, x: Tensor, y: Tensor, tint: Tensor) -> None:
    """Draw `sprite` [batch, 4, h, w] with its corner at (x, y), in place."""
    if torch.onnx.is_in_onnx_export():
        _blit_by_products(picture, covered, sprite, x, y, tint)
        return
    _, _, h, w = sprite.shape
    batch = torch.arange(len(x), device=x.device)[:, None, None]
    rows = y[:, None, None] + torch.arange(h, device=x.device)[None, :, None]
    columns = x[:, None, None] + torch.arange(w, device=x.device)[None, None, :]
    colour, alpha = sprite[:, :3] * tint[:, :, None, None], sprite[:, 3:]
    under = picture[batch, :, rows, columns].movedim(-1, 1)
    picture[batch, :, rows, columns] = (under * (1 - alpha) + colour * alpha).movedim(1, -1)
    covered[batch, rows, columns] |= alpha[:, 0] > 0


def _blit_by_products(picture: Tensor, covered: Tensor, sprite: Tensor, x: Tensor, y: Tensor, tint: Tensor) -> None:
    """As `blit`, by matrix products: twice as slow, but ONNX has no form of an assignment at computed places."""
    _, _, h, w = sprite.shape
    along = torch.arange(SIZE)
    rows = (along[:, None] == y[:, None, None] + torch.arange(h)).float()
    columns = (along == x[:, None, None] + torch.arange(w)[:, None]).float()
    alpha = rows @ sprite[:, 3] @ columns
    colour = sprite[:, :3] * sprite[:, 3:] * tint[:, :, None, None]
    picture.mul_(1 - alpha[:, None]).add_(rows[:, None] @ colour @ columns[:, None])
    covered.logical_or_(alpha > 0)


def pips(picture: Tensor, covered: Tensor, pip: Tensor, counter: Tensor) -> None:
    """The counter: lit pips from the left, dark ones after, always in the same light."""
    colour, alpha = pip[:3], F.pad(pip[3:], (0, 1)).repeat(1, 1, rules.PIPS)
    dark = torch.full_like(colour, 0.16)
    ink = torch.cat([
        F.pad(torch.where((counter > k)[:, None, None, None], colour, dark), (0, 1)) for k in range(rules.PIPS)
    ], -1)
    band = (slice(1, 9), slice(4, 4 + 9 * rules.PIPS))
    picture[:, :, *band] = picture[:, :, *band] * (1 - alpha) + ink * alpha
    covered[:, *band] = covered[:, *band] | (alpha[0] > 0)
