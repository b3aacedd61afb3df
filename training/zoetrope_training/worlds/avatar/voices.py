"""Who reads: espeak-ng through its C library, and flite's voices, each with the times of its sounds.

Debian packages: `espeak-ng libespeak-ng1 flite`. They run while data is made and never in the service.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from .visemes import Sound, arpabet_sounds, espeak_sounds

SAMPLE_RATE = 16_000

RETRIEVAL, PHONEME_EVENTS, CHARACTERS_UTF8 = 1, 1, 1
END, PHONEME = 0, 7
"""Constants of espeak-ng's speak_lib.h."""
RATE_PARAMETER, PITCH_PARAMETER = 1, 3


@dataclass(frozen=True)
class Voice:
    """Somebody who reads."""

    program: str
    """`espeak` or `flite`."""
    name: str


@dataclass(frozen=True)
class Utterance:
    """Speech and what it asks of the mouth.

    Attributes:
        pcm: float32 [samples] at `SAMPLE_RATE`, in [-1, 1].
        sounds: what is heard when, seconds from the first sample.
    """

    pcm: Tensor
    sounds: list[Sound]


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("id", _Name),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """The library, opened once a process."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = int(self.library.espeak_Initialize(RETRIEVAL, 0, None, PHONEME_EVENTS))
        if self.rate <= 0:
            raise OSError("espeak-ng finds no voice data; install the Debian package espeak-ng")
        self._samples: list[Tensor] = []
        self._events: list[tuple[float, str]] = []
        self._callback = _CALLBACK(self._take)
        self.library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples: object, count: int, events: object) -> int:
        if count > 0 and samples:
            content = bytearray(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
            self._samples.append(torch.frombuffer(content, dtype=torch.int16).float() / 32768)
        index = 0
        while events[index].type != END:  # type: ignore[index]
            event = events[index]  # type: ignore[index]
            if event.type == PHONEME:
                self._events.append((event.audio_position / 1000, bytes(event.id.string).decode("utf-8", "ignore")))
            index += 1
        return 0

    def read(self, voice: str, text: str, rate: int, pitch: int) -> Utterance:
        """Read a text.

        Raises:
            ValueError: there is no such voice.
        """
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        self.library.espeak_SetParameter(RATE_PARAMETER, rate, 0)
        self.library.espeak_SetParameter(PITCH_PARAMETER, pitch, 0)
        self._samples, self._events = [], []
        content = text.encode() + b"\0"
        self.library.espeak_Synth(content, len(content), 0, 1, 0, CHARACTERS_UTF8, None, None)
        self.library.espeak_Synchronize()
        pcm = torch.cat(self._samples)
        ends = [begin for begin, _ in self._events[1:]] + [len(pcm) / self.rate]
        sounds = [
            sound for (begin, name), end in zip(self._events, ends, strict=True) for sound in espeak_sounds(name, begin, end)
        ]
        return Utterance(resampled(pcm, self.rate), sounds)


@cache
def _espeak() -> _Espeak:
    return _Espeak()


def resampled(pcm: Tensor, rate: int) -> Tensor:
    """Speech at another rate brought to `SAMPLE_RATE`, without what the lower rate cannot hold: [samples]."""
    if rate == SAMPLE_RATE:
        return pcm
    count = round(len(pcm) * SAMPLE_RATE / rate)
    spectrum = torch.fft.rfft(pcm)
    wanted = torch.zeros(count // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(spectrum), len(wanted))
    wanted[:shared] = spectrum[:shared]
    return torch.fft.irfft(wanted, count) * (count / len(pcm))


def _flite(voice: str, text: str, stretch: float, pitch: int) -> Utterance:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "-t", text, "-psdur", "-o", str(path)]
        command += ["--setf", f"duration_stretch={stretch:.2f}", "--setf", f"int_f0_target_mean={pitch}"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        with wave.open(str(path)) as file:
            rate, content = file.getframerate(), file.readframes(file.getnframes())
    pcm = torch.frombuffer(bytearray(content), dtype=torch.int16).float() / 32768
    phones = [(name, float(end)) for name, end in re.findall(r"([a-z]+):([0-9.]+)", printed)]
    begins = [0.0] + [end for _, end in phones[:-1]]
    sounds = [sound for (name, end), begin in zip(phones, begins, strict=True) for sound in arpabet_sounds(name, begin, end)]
    return Utterance(resampled(pcm, rate), sounds)


def read(voice: Voice, text: str, generator: torch.Generator) -> Utterance:
    """Let somebody read a text, at a pace and pitch of the moment.

    Raises:
        OSError: the program is not installed.
    """
    pace, tone = torch.rand(2, generator=generator).tolist()
    readers: dict[str, Callable[[], Utterance]] = {
        "espeak": lambda: _espeak().read(voice.name, text, int(130 + 85 * pace), int(25 + 50 * tone)),
        "flite": lambda: _flite(voice.name, text, 0.85 + 0.4 * pace, int(95 + 90 * tone)),
    }
    return readers[voice.program]()
