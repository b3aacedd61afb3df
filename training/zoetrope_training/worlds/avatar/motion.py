"""How somebody moves while they speak, listen or wait: what is heard decides the mouth, dice everything idle.

Twelve dice are thrown each frame. Sway, breath and the corners of the mouth are smooth sums of past dice; a glance or a
blink begins where a die falls high. Nothing depends on more than `MEMORY` frames, so whoever saw them can go on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import MOTION, at_rest
from .visemes import MOUTH_SHAPE

DICE = ("sway_yaw", "sway_pitch", "sway_roll", "sway_x", "breath", "glance", "glance_x", "glance_y", "blink", "brow", "smile", "spare")
"""What each die decides."""
MEMORY = 16
"""Frames, the present one included, that motion depends on."""
MOUTH_COLUMNS = slice(MOTION.at("opening"), MOTION.at("opening") + len(MOUTH_SHAPE))
"""Columns of MOTION that what is heard decides."""
EXPRESSIONS = ("neutral", "happy", "sad", "surprised")
CONTROLS = len(EXPRESSIONS) + 1
"""Floats of a control vector: which expression, and energy."""
SMILES, BROWS = torch.tensor([0.0, 0.85, -0.75, 0.1]), torch.tensor([0.0, 0.15, -0.35, 0.95])
"""What each expression asks of mouth and brows."""
GLANCE_ABOVE, BLINK_ABOVE = 1.95, 2.33
"""Dice that begin a glance (0.64 a second) and a blink (0.25 a second)."""
RARE = torch.tensor([1.5, 2.0, 2.5])
"""Heights that dice seldom reach; what begins somewhere above the first begins between two of them."""
RARE_SCALE, MEANWHILE_SCALE = torch.tensor([3.0, 5.0, 8.0]), 5.0
"""What brings the numbers of `occasions` to a variance of about 1."""
OCCASIONS = len(DICE) * (len(RARE) + len(DICE))
"""Numbers of `occasions`."""
BLINK = torch.tensor([0.65, 1.0, 1.0, 0.7, 0.35, 0.1])
GLANCE = torch.tensor([0.6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.35, 0.1])
STRESS = 6
"""Frames of speech that emphasis looks back on."""
LIMITS = {"yaw": 1.0, "pitch": 1.0, "gaze_x": 1.0, "gaze_y": 1.0, "brow": 1.0, "smile": 1.0}


def _hann(frames: int) -> Tensor:
    """A smooth kernel whose answer to dice has variance 1."""
    kernel = torch.hann_window(frames + 2, periodic=False)[1:-1]
    return kernel / kernel.square().sum().sqrt()


def _filtered(events: Tensor, kernel: Tensor) -> Tensor:
    """Causal sums over time: [n, frames] in and out; before the first frame there was nothing."""
    return F.conv1d(F.pad(events[:, None], (len(kernel) - 1, 0)), kernel.flip(0)[None, None])[:, 0]


def perform(dice: Tensor, control: Tensor, mouth: Tensor) -> Tensor:
    """The motion that dice, controls and speech make from the first frame of a session on.

    Shapes: `dice` [n, frames, 12], `control` [n, frames, CONTROLS], `mouth` [n, frames, 5]; returns [n, frames, columns of
    MOTION].
    """
    count, frames = dice.shape[:2]
    die = lambda name: dice[..., DICE.index(name)]
    energy = _filtered(control[..., -1], torch.full((4,), 0.25))
    life = 0.55 + 0.9 * energy
    slow, quick = _hann(MEMORY), _hann(8)
    starts = (die("glance") > GLANCE_ABOVE).float()
    away = torch.stack([(0.65 * die("glance_x")).clamp(-1, 1), (0.4 * die("glance_y")).clamp(-1, 1)])
    look_x, look_y = (_filtered(starts * part, GLANCE) for part in away)
    turn_x, turn_y = (_filtered(starts * part, slow * 3) for part in away)
    lids = 1 - _filtered((die("blink") > BLINK_ABOVE).float(), BLINK).clamp(0, 1)
    ease = torch.full((6,), 1 / 6)
    asked = [_filtered(control[..., : len(EXPRESSIONS)] @ table, ease) for table in (SMILES, BROWS)]
    opening = mouth[..., MOUTH_SHAPE.at("opening")]
    stress = _filtered(opening, torch.full((STRESS,), 1 / STRESS)) * (0.5 + energy)
    values = {
        "yaw": 0.22 * life * _filtered(die("sway_yaw"), slow) + 0.12 * turn_x,
        "pitch": 0.16 * life * _filtered(die("sway_pitch"), slow) + 0.1 * turn_y,
        "roll": 0.022 * life * _filtered(die("sway_roll"), slow),
        "x": 0.8 * life * _filtered(die("sway_x"), slow),
        "y": 0.55 * _filtered(die("breath"), slow) + 3.2 * stress,
        "lids": lids,
        "gaze_x": look_x, "gaze_y": look_y,
        "brow": asked[1] + 0.12 * life * _filtered(die("brow"), quick) + 0.55 * stress,
        "smile": asked[0] + 0.1 * _filtered(die("smile"), quick),
    }
    motion = at_rest(count * frames).unflatten(0, (count, frames))
    for name, value in values.items():
        limit = LIMITS.get(name)
        motion[..., MOTION.at(name)] = value if limit is None else value.clamp(-limit, limit)
    motion[..., MOUTH_COLUMNS] = mouth
    return motion


def couple(noise: Tensor, dice: Tensor) -> Tensor:
    """Noise whose channel means agree with dice and which is still standard normal where the dice are.

    Shapes: `noise` [..., 12, h, w], `dice` [..., 12].
    """
    cells = noise.shape[-1] * noise.shape[-2]
    return noise - noise.mean((-2, -1), keepdim=True) + (dice / cells**0.5)[..., None, None]


def dice_of(sample: Tensor) -> Tensor:
    """The dice that noise shows: [..., 12, h, w] to [..., 12]."""
    return sample.mean((-2, -1)) * (sample.shape[-1] * sample.shape[-2]) ** 0.5


def occasions(dice: Tensor) -> Tensor:
    """Rare throws, told plainly: which dice fell high, and what every die showed meanwhile; [n, 12] to [n, OCCASIONS].

    A network that is given the dice alone finds what begins with one in forty throws only after a long time.
    """
    high = (6 * (dice[..., None] - RARE)).sigmoid()
    meanwhile = high[..., 1, None] * dice[:, None]
    return torch.cat([(high * RARE_SCALE).flatten(1), MEANWHILE_SCALE * meanwhile.flatten(1)], 1)


def random_controls(count: int, frames: int, generator: torch.Generator) -> Tensor:
    """Expressions and energies that change now and then: [count, frames, CONTROLS]; the first frame's are 0."""
    uniform = lambda *shape: torch.rand(*shape, generator=generator)
    change = torch.randint(0, 3 * frames, (count, 1), generator=generator)
    later = torch.arange(frames) >= change
    which = (uniform(2, count) * len(EXPRESSIONS)).long()
    which = torch.where(uniform(2, count) < 0.4, 0, which)
    expression = torch.where(later, which[1, :, None], which[0, :, None])
    energies = uniform(2, count)
    energy = torch.where(later, energies[1, :, None], energies[0, :, None])
    control = torch.cat([F.one_hot(expression, len(EXPRESSIONS)).float(), energy[..., None]], -1)
    control[:, 0] = 0
    return control


def resting_pose(count: int, generator: torch.Generator) -> Tensor:
    """How people hold themselves in a picture of them: about straight, eyes open, the mouth mostly shut: [count, columns]."""
    pose = at_rest(count)
    uniform = lambda: torch.rand(count, generator=generator)
    normal = lambda: torch.randn(count, generator=generator)
    spread = {"yaw": 0.22, "pitch": 0.16, "roll": 0.022, "x": 0.8, "y": 0.8, "gaze_x": 0.2, "gaze_y": 0.12, "brow": 0.15}
    for name, scale in spread.items():
        pose[:, MOTION.at(name)] = scale * normal()
    pose[:, MOTION.at("smile")] = torch.where(uniform() < 0.4, 0.9 * uniform(), 0.1 * normal())
    speaks = uniform() < 0.35
    for name in MOUTH_SHAPE.names:
        pose[:, MOTION.at(name)] = torch.where(speaks, 0.8 * uniform(), pose[:, MOTION.at(name)])
    return pose
