"""Faults of a stream of which nothing could be decoded; used by the worker and the decoder process."""

from __future__ import annotations

from typing import Final

NO_PICTURE: Final = "no picture can be decoded: it is damaged, or its codec is not what its header names"
NO_SOUND: Final = "no sound can be decoded: it is damaged, or its codec is not what its header names"
