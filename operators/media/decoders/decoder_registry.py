"""Every video decoder by name, in order of preference.

PyAV comes first because it alone can leave out frames that no other frame needs, reads playlists from nowhere
(one protocol, one descriptor) and need not list every packet before the first frame. decord is asked when
PyAV fails.
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
    """FFmpeg through decord: half a second to import, so imported when it is needed."""
    with _without_cuda_libraries():
        from operators.media.decoders.decord import DecordDecoder

    return DecordDecoder(media, plan)


@contextmanager
def _without_cuda_libraries() -> Iterator[None]:
    """Hide the package that CUDA's libraries come in.

    When imported, decord loads every library in it: 3 GB of address space, more than a decoder process may have, for
    a device that decoding here does not use.
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
