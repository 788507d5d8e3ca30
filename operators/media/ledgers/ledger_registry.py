"""Selects the walk of each container."""

from __future__ import annotations

from av.container import InputContainer

from operators.media.containers import MediaFile
from operators.media.ledgers.flv import AUDIO, VIDEO, flv_ledger
from operators.media.ledgers.ledger import Ledger
from operators.media.ledgers.matroska import matroska_ledger
from operators.media.ledgers.mp4 import mp4_ledger
from operators.media.ledgers.packets import packet_ledger
from operators.media.ledgers.riff import riff_ledger
from operators.media.ledgers.stills import gif_ledger, jpeg_ledger, png_ledger
from operators.media.ledgers.transport import transport_ledger
from operators.media.streams_of import cover_streams, shown_streams

_STILLS = {"png_pipe": png_ledger, "apng": png_ledger, "jpeg_pipe": jpeg_ledger, "gif": gif_ledger}
_RIFF = ("wav", "webp_pipe", "webp_anim")


def ledger_of(container: InputContainer, media: MediaFile, *, may_read_all: bool, was_listed: bool) -> Ledger:
    """Return the ledger of a file.

    Args:
        container: open.
        media: from which it was opened.
        may_read_all: whether all of the file is local; otherwise only what costs little to fetch is read.
        was_listed: whether the container's own list of packets is trusted.
    """
    name = container.format.name
    if name.startswith("mov,"):
        return mp4_ledger(media)
    if name.startswith("matroska,"):
        return _matroska(container, media, may_read_all=may_read_all)
    if name in _STILLS:
        return _STILLS[name](media)
    if not may_read_all:
        return Ledger(media.size_bytes)
    if name == "mpegts":
        return _transport(container, media)
    if name == "flv":
        return _flv(container, media)
    if name == "avi":
        return _avi(container, media, was_listed=was_listed)
    return riff_ledger(media, len(container.streams)) if name in _RIFF else packet_ledger(media)


def _matroska(container: InputContainer, media: MediaFile, *, may_read_all: bool) -> Ledger:
    num_attached = len(container.streams.attachments) + len(cover_streams(container))
    return matroska_ledger(media, may_read_all=may_read_all, num_attached=num_attached)


def _transport(container: InputContainer, media: MediaFile) -> Ledger:
    pids = {stream.id: stream.index for stream in shown_streams(container)}
    ledger = transport_ledger(media, pids, [stream.id for stream in container.streams if stream.id not in pids])
    ledger.scrambled_ratios = {pids[pid]: ratio for pid, ratio in ledger.scrambled_ratios.items()}
    return ledger


def _flv(container: InputContainer, media: MediaFile) -> Ledger:
    kinds = ((VIDEO, container.streams.video), (AUDIO, container.streams.audio))
    streams = {kind: found[0].index for kind, found in kinds if found}
    ledger = flv_ledger(media, frozenset(streams))
    ledger.stream_seconds = {streams[kind]: seconds for kind, seconds in ledger.stream_seconds.items()}
    return ledger


def _avi(container: InputContainer, media: MediaFile, *, was_listed: bool) -> Ledger:
    """Return AVI's ledger; chunks that its list leaves out are played by players that ignore the list."""
    ledger = riff_ledger(media, len(container.streams))
    if was_listed:
        num_listed = sum(entry.size for stream in container.streams for entry in stream.index_entries)
        ledger.num_stray_bytes += max(0, ledger.num_stream_bytes - num_listed)
    return ledger
