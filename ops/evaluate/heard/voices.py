"""Generated voices: eSpeak NG, from the library that a package brings, called by its C interface."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from ops.evaluate.archives.fetching import files_of
from ops.evaluate.evaluation_set import NotMeasurable
from ops.evaluate.heard.decoding import Samples, resampled

_SYNCHRONOUS: Final = 2
"""Samples come while `espeak_Synth` runs. With a thread of its own the library sometimes never returns."""
_NO_EXIT: Final = 0x8000
_UTF_8: Final = 1
_RATE: Final = 1


def open_voices(data_dir: Path) -> Voices:
    """Return the synthesiser of an evaluation's data. Raises NotMeasurable."""
    return voices_in(files_of("espeak", data_dir) / "espeakng_loader")


@cache
def voices_in(folder: Path) -> Voices:
    """Return the synthesiser in the package's folder; the library may be opened once a process: a second time it hangs.

    Raises:
        NotMeasurable: it does not run here.
    """
    return Voices(folder)


class Voices:
    """Says texts; not thread-safe, as the library is not."""

    def __init__(self, folder: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(folder / "libespeak-ng.so"))
        except OSError as error:
            raise NotMeasurable(f"eSpeak NG does not run here: {error}") from error
        self._rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(folder).encode(), _NO_EXIT)
        if self._rate_hz <= 0:
            raise NotMeasurable(f"eSpeak NG does not run here: espeak_Initialize gave {self._rate_hz}")
        self._said: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._keep = kind(self._take)  # the library holds no reference
        self._library.espeak_SetSynthCallback(self._keep)

    def speaks(self, voice: str) -> bool:
        """Return whether there is a voice; afterwards it is the one that talks."""
        return bool(self._library.espeak_SetVoiceByName(voice.encode()) == 0)

    def say(self, voice: str, text: str, words_a_minute: int = 175) -> Samples:
        """Return a text as (N,) float32 at 16 kHz.

        Args:
            voice: language and variant, such as `de+f2`.
            text: to say.
            words_a_minute: 80 to 450.

        Raises:
            NotMeasurable: there is no such voice.
        """
        if not self.speaks(voice):
            raise NotMeasurable(f"eSpeak NG has no voice {voice!r}")
        self._library.espeak_SetParameter(_RATE, words_a_minute, 0)
        self._said = []
        written = text.encode()
        self._library.espeak_Synth(written, len(written) + 1, 0, 0, 0, _UTF_8, None, None)
        return resampled(np.concatenate(self._said).astype(np.float32) / 32768.0, self._rate_hz)

    def _take(self, samples: ctypes.Array[ctypes.c_short], number: int, _events: object) -> int:
        if samples and number:
            self._said.append(np.ctypeslib.as_array(samples, (number,)).copy())
        return 0
