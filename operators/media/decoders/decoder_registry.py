"""Every video decoder by name, in order of preference.

PyAV comes first because only PyAV can leave out non-reference frames, cannot follow playlists (one protocol, one
descriptor) and need not list every packet before the first frame. decord is used if PyAV fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from operators.media.containers import MediaFile
from operators.media.decoders.protocol import VideoDecoder
from operators.media.plan import VideoPlan


def open_pyav(media: MediaFile, plan: VideoPlan) -> VideoDecoder:
    """FFmpeg through PyAV."""
    from operators.media.decoders.pyav import PyavDecoder

    return PyavDecoder(media, plan)


def open_decord(media: MediaFile, plan: VideoPlan) -> VideoDecoder:
    """FFmpeg through decord; its import takes half a second, so it is imported when needed."""
    with _without_cuda_libraries():
        from operators.media.decoders.decord import DecordDecoder

    return DecordDecoder(media, plan)


@contextmanager
def _without_cuda_libraries() -> Iterator[None]:
    """Hide the package with CUDA's libraries.

    When imported, decord loads every library in it: 3 GB of address space, more than the limit of a decoder process,
    for a device that is not used for decoding here.
    """
    hidden = sys.modules.get("nvidia")
    sys.modules["nvidia"] = None  # type: ignore[assignment]  # how Python itself marks what must not be found
    try:
        yield
    finally:
        if hidden is None:
            del sys.modules["nvidia"]
        else:
            sys.modules["nvidia"] = hidden


DECODERS: Mapping[str, Callable[[MediaFile, VideoPlan], VideoDecoder]] = {
    "pyav": open_pyav,
    "decord": open_decord,
}
