"""Every video decoder by name, in order of preference.

PyAV comes first because it alone can leave out frames that no other frame needs, reads playlists from nowhere
(one protocol, one descriptor) and need not list every packet before the first frame. decord is asked when
PyAV fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from operators.media.containers import MediaFile
from operators.media.decoders.protocol import VideoDecoder
from operators.media.plan import VideoPlan


def open_pyav(media: MediaFile, plan: VideoPlan) -> VideoDecoder:
    """FFmpeg through PyAV."""
    from operators.media.decoders.pyav import PyavDecoder

    return PyavDecoder(media, plan)


def open_decord(media: MediaFile, plan: VideoPlan) -> VideoDecoder:
    """FFmpeg through decord: half a second to import, so imported when it is needed."""
    from operators.media.decoders.decord import DecordDecoder

    return DecordDecoder(media, plan)


DECODERS: Mapping[str, Callable[[MediaFile, VideoPlan], VideoDecoder]] = {
    "pyav": open_pyav,
    "decord": open_decord,
}
