"""The walk for each container."""

from __future__ import annotations

from av.container import InputContainer

from operators.media.containers import MediaFile
from operators.media.ledgers.flv import AUDIO, VIDEO, flv_ledger
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.matroska import matroska_ledger
from operators.media.ledgers.mp4 import mp4_ledger
from operators.media.ledgers.riff import riff_ledger
from operators.media.ledgers.stills import gif_ledger, jpeg_ledger, png_ledger
from operators.media.ledgers.transport import transport_ledger

_STILLS = {"png_pipe": png_ledger, "apng": png_ledger, "jpeg_pipe": jpeg_ledger, "gif": gif_ledger}
_RIFF = ("avi", "wav", "webp_pipe", "webp_anim")


def ledger_of(container: InputContainer, media: MediaFile, *, may_read_all: bool) -> Ledger:
    """What lies where in a file.

    Args:
        container: open.
        media: that it was opened from.
        may_read_all: whether all of the file is here; otherwise only what costs little to fetch is read.
    """
    name = container.format.name
    if name.startswith("mov,"):
        return mp4_ledger(media)
    if name.startswith("matroska,"):
        return matroska_ledger(media, may_read_all=may_read_all)
    if name in _STILLS:
        return _STILLS[name](media)
    if not may_read_all:
        return Ledger(media.size_bytes)
    if name == "mpegts":
        shown = [s.id for s in (*container.streams.video, *container.streams.audio, *container.streams.subtitles)]
        return transport_ledger(media, shown, [s.id for s in container.streams if s.id not in shown])
    if name == "flv":
        kinds = ((VIDEO, container.streams.video), (AUDIO, container.streams.audio))
        return flv_ledger(media, frozenset(kind for kind, streams in kinds if streams))
    return riff_ledger(media, len(container.streams)) if name in _RIFF else Ledger(media.size_bytes)
