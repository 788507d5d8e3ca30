"""Every video decoder by name, in order of preference, and which of them a file is for.

PyAV comes first because only PyAV can leave out non-reference frames, cannot follow playlists (one protocol, one
descriptor) and need not list every packet before the first frame. decord is used if PyAV fails. Both are FFmpeg, which
animated WebP is not left to.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from operators.media.animated_webp import is_animated_webp
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


def open_webp(media: MediaFile, _plan: VideoPlan) -> VideoDecoder:
    """Pillow with libwebp; few files need it, so it is imported when needed."""
    from operators.media.decoders.webp import WebpDecoder

    return WebpDecoder(media)


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
WEBP_DECODERS: Mapping[str, Callable[[MediaFile, VideoPlan], VideoDecoder]] = {"webp": open_webp}


def decoders_of(media: MediaFile) -> Mapping[str, Callable[[MediaFile, VideoPlan], VideoDecoder]]:
    """Return the decoders for a file."""
    return WEBP_DECODERS if is_animated_webp(media) else DECODERS
