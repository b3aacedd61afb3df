"""What a mouth looks like while it speaks: sounds to shapes, and how one shape flows into the next.

A sound's shape is aimed at 40 ms before it is heard and approached as a critically damped spring; lips that have to
meet (p, b, m) do meet, whatever their neighbours ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .fields import Fields

MOUTH_SHAPE = Fields(("opening", "width", "round", "teeth", "tongue"))
"""Columns of a mouth's shape, each in [0, 1]."""
RATE = 100
"""Steps of a mouth's track a second."""
ANTICIPATION = 0.04
"""Seconds that a mouth is ahead of the sound."""
STIFFNESS = 38.0
"""Natural frequency of the spring, radians a second."""
CLOSURE, PARTING = 0.05, 0.035
"""Least seconds that lips stay shut for a bilabial, and how long they take to shut or to part."""

SHAPES: dict[str, tuple[float, float, float, float, float]] = {
    "silence": (0.0, 0.5, 0.0, 0.0, 0.0),
    "bilabial": (0.0, 0.48, 0.05, 0.0, 0.0),
    "labiodental": (0.08, 0.55, 0.0, 1.0, 0.0),
    "dental": (0.22, 0.55, 0.0, 0.7, 0.9),
    "alveolar": (0.26, 0.58, 0.0, 0.5, 0.7),
    "hiss": (0.15, 0.75, 0.0, 1.0, 0.1),
    "hush": (0.22, 0.3, 0.6, 0.9, 0.0),
    "velar": (0.28, 0.52, 0.0, 0.3, 0.2),
    "liquid": (0.26, 0.38, 0.35, 0.3, 0.5),
    "glide": (0.16, 0.12, 1.0, 0.0, 0.0),
    "smile": (0.3, 1.0, 0.0, 0.7, 0.3),
    "half": (0.52, 0.8, 0.0, 0.5, 0.3),
    "wide": (0.9, 0.68, 0.0, 0.4, 0.3),
    "back": (0.72, 0.4, 0.4, 0.2, 0.1),
    "rounded": (0.48, 0.2, 0.8, 0.0, 0.0),
    "pout": (0.26, 0.1, 1.0, 0.0, 0.0),
    "neutral": (0.42, 0.52, 0.08, 0.3, 0.2),
}
"""The shape aimed at by every class of sounds."""

ESPEAK = {
    "p": "bilabial", "b": "bilabial", "m": "bilabial", "f": "labiodental", "v": "labiodental", "T": "dental", "D": "dental",
    "tS": "hush", "dZ": "hush", "S": "hush", "Z": "hush", "t": "alveolar", "d": "alveolar", "n": "alveolar", "l": "alveolar",
    "s": "hiss", "z": "hiss", "k": "velar", "g": "velar", "N": "velar", "h": "velar", "x": "velar", "r": "liquid",
    "w": "glide", "j": "smile", "i": "smile", "I": "smile", "e": "half", "E": "half", "a": "wide", "A": "wide", "aa": "wide",
    "0": "back", "O": "back", "o": "rounded", "u": "pout", "U": "pout", "V": "neutral", "@": "neutral", "3": "neutral",
}
"""Class of a sound by the beginning of its name in espeak-ng; the longest beginning counts."""
ESPEAK_GLIDES = {"eI": "smile", "aI": "smile", "OI": "smile", "aU": "pout", "oU": "pout", "i@": "neutral", "e@": "neutral", "U@": "neutral", "ju": "pout"}
"""Class that a sound ends in, where it is not the one it begins in."""

ARPABET = {
    "p": "bilabial", "b": "bilabial", "m": "bilabial", "f": "labiodental", "v": "labiodental", "th": "dental", "dh": "dental",
    "ch": "hush", "jh": "hush", "sh": "hush", "zh": "hush", "t": "alveolar", "d": "alveolar", "n": "alveolar", "l": "alveolar",
    "s": "hiss", "z": "hiss", "k": "velar", "g": "velar", "ng": "velar", "hh": "velar", "r": "liquid", "w": "glide", "y": "smile",
    "iy": "smile", "ih": "smile", "ey": "half", "eh": "half", "ae": "wide", "aa": "wide", "ay": "wide", "aw": "wide",
    "ao": "back", "oy": "back", "ow": "rounded", "uw": "pout", "uh": "pout", "ah": "neutral", "ax": "neutral", "er": "neutral",
}
ARPABET_GLIDES = {"ey": "smile", "ay": "smile", "oy": "smile", "aw": "pout", "ow": "pout"}


@dataclass(frozen=True)
class Sound:
    """One class of sound and when it is heard, seconds."""

    shape: str
    begin: float
    end: float


def espeak_sounds(name: str, begin: float, end: float) -> list[Sound]:
    """What a phoneme of espeak-ng asks of the mouth; its name may carry stress marks. Unknown ones are silence."""
    name = name.lstrip("',;%=_:|-")
    known = next((name[:length] for length in (2, 1) if name[:length] in ESPEAK), None)
    if known is None:
        return [Sound("silence", begin, end)]
    return _gliding(ESPEAK[known], ESPEAK_GLIDES.get(name[:2]), begin, end)


def arpabet_sounds(name: str, begin: float, end: float) -> list[Sound]:
    """What a phone of flite asks of the mouth."""
    return _gliding(ARPABET.get(name, "silence"), ARPABET_GLIDES.get(name), begin, end)


def _gliding(first: str, last: str | None, begin: float, end: float) -> list[Sound]:
    if last is None:
        return [Sound(first, begin, end)]
    middle = begin + 0.5 * (end - begin)
    return [Sound(first, begin, middle), Sound(last, middle, end)]


def mouth_track(sounds: list[Sound], seconds: float) -> Tensor:
    """The mouth over time, `RATE` steps a second, each the shape in the middle of its step: [steps, 5]."""
    steps = int(seconds * RATE)
    time = (torch.arange(steps) + 0.5) / RATE
    aim = torch.tensor([SHAPES["silence"]]).repeat(steps, 1)
    shut = torch.zeros(steps)
    for sound in sounds:
        aim[(time >= sound.begin - ANTICIPATION) & (time < sound.end - ANTICIPATION)] = torch.tensor(SHAPES[sound.shape])
        if sound.shape == "bilabial":
            middle, half = 0.5 * (sound.begin + sound.end), 0.5 * max(CLOSURE, sound.end - sound.begin)
            shut = torch.maximum(shut, (1 - ((time - middle).abs() - half) / PARTING).clamp(0, 1))
    track = _sprung(aim)
    track[:, 0] *= 1 - shut * shut * (3 - 2 * shut)
    return track


def _sprung(aim: Tensor) -> Tensor:
    """Follow an aim as a critically damped spring: [steps, 5]."""
    time = (torch.arange(RATE // 4) + 0.5) / RATE
    answer = time * torch.exp(-STIFFNESS * time)
    answer = answer / answer.sum()
    padded = F.pad(aim.T[:, None], (len(answer) - 1, 0), mode="replicate")
    return F.conv1d(padded, answer.flip(0)[None, None])[:, 0].T.clamp(0, 1)
