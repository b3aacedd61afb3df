"""Speech to learn from: made-up sentences read by many voices onto long tapes, kept in the run's folder.

Some voices are held out: training never hears them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from ...budget import save_checkpoint
from . import SHELF
from .visemes import RATE, SHAPES, mouth_track
from .voices import SAMPLE_RATE, Voice, read

WORDS = Path("/usr/share/dict/words")
"""Debian package `wamerican`."""
SENTENCES = (
    "the {0} {1} the {2}.", "why did my {0} {1} before the {2}?", "{0} and {1}, but never {2}!", "we saw {0} people with {1} {2}.",
    "please bring me the {0}, the {1} and a {2}.", "{0}, he said, is more {1} than {2}.", "if you {0}, maybe {1} will {2} by now.",
    "I have {0} it, and you may {1} or {2} as you wish.", "hello, my name is {0}; pleased to {1} you.", "five {0} moved above {1} {2}.",
)
ACCENTS = ("en-us", "en", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-gb-x-gbclan")
TIMBRES = ("f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m6", "m7", "klatt2", "klatt3", "steph", "michael")
FLITE = ("slt", "awb", "kal16")
HELD_OUT = (
    Voice("flite", "rms"), Voice("espeak", "en+f4"), Voice("espeak", "en-us+m5"), Voice("espeak", "en-gb-scotland+klatt4"),
    Voice("espeak", "en-us+linda"),
)
LEVEL = 0.09
"""Root mean square that every sentence is brought to."""
DTYPE_SCALE = 32767


@dataclass(frozen=True)
class Tape:
    """What one voice read.

    Attributes:
        pcm: int16 [samples] at `SAMPLE_RATE`.
        mouth: float32 [steps, 5], `RATE` a second.
        closures: float32 [n], the middles of bilabials, seconds.
    """

    pcm: Tensor
    mouth: Tensor
    closures: Tensor

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.mouth) / RATE


@cache
def _words() -> list[str]:
    if not WORDS.exists():
        raise FileNotFoundError(f"no {WORDS}: install the Debian package wamerican")
    return [word for word in WORDS.read_text().split() if word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 10]


def sentence(generator: torch.Generator) -> str:
    """A sentence that is at least grammatical in places."""
    words = _words()
    choose = lambda count: int(torch.randint(0, count, (), generator=generator))
    return SENTENCES[choose(len(SENTENCES))].format(*(words[choose(len(words))] for _ in range(3)))


def training_voices(count: int, generator: torch.Generator) -> list[Voice]:
    """Flite's voices and as many of espeak's as fill up the count, none of them held out."""
    every = [Voice("espeak", f"{accent}+{timbre}") for accent in ACCENTS for timbre in TIMBRES]
    order = torch.randperm(len(every), generator=generator).tolist()
    return [*(Voice("flite", name) for name in FLITE), *(every[index] for index in order)][:count]


def record(voice: Voice, seconds: float, generator: torch.Generator) -> Tape:
    """Let a voice read sentences, with pauses between them, until a tape is full."""
    pcm, mouth, closures, done = [], [], [], 0.0
    while done < seconds:
        said = read(voice, sentence(generator), generator)
        level = said.pcm.square().mean().sqrt().clamp(min=1e-4)
        length = len(said.pcm) // (SAMPLE_RATE // RATE)
        pause = int(RATE * (0.15 + 1.2 * float(torch.rand((), generator=generator)) ** 2))
        pcm += [said.pcm[: length * (SAMPLE_RATE // RATE)] * (LEVEL / level), torch.zeros(pause * (SAMPLE_RATE // RATE))]
        mouth += [mouth_track(said.sounds, length / RATE), torch.tensor([SHAPES["silence"]]).repeat(pause, 1)]
        closures += [done + 0.5 * (s.begin + s.end) for s in said.sounds if s.shape == "bilabial"]
        done += (length + pause) / RATE
    samples = (torch.cat(pcm).clamp(-1, 1) * DTYPE_SCALE).round().to(torch.int16)
    return Tape(samples, torch.cat(mouth), torch.tensor(closures))


def tapes(*, held_out: bool, voices: int = 40, seconds: float = 180.0, seed: int = 1) -> list[Tape]:
    """The tapes of training, or those of the held-out voices; made once and kept.

    Raises:
        OSError: a program that reads is not installed.
    """
    generator = torch.Generator().manual_seed(seed + 1000 * held_out)
    who = list(HELD_OUT) if held_out else training_voices(voices, generator)
    path = SHELF.runs / f"speech-{'held-out' if held_out else 'training'}-{len(who)}-{seconds:.0f}.pt"
    if not path.exists():
        print(f"reading {len(who) * seconds / 60:.0f} minutes of speech", flush=True)
        save_checkpoint(path, tapes=[record(voice, seconds, generator).__dict__ for voice in who])
    return [Tape(**parts) for parts in torch.load(path)["tapes"]]
