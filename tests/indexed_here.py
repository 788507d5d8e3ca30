"""The index of a file, read in this process by the modules that a decoder process runs; nothing is decoded."""

from __future__ import annotations

import os
from pathlib import Path

import av.logging

from operators.media.containers import MediaFile, take_container
from operators.media.edits import take_edits
from operators.media.index import MediaIndex
from operators.media.read_index import read_index


def indexed_here(path: Path) -> MediaIndex:
    """What the container says about itself."""
    fd = os.open(path, os.O_RDONLY)
    media = MediaFile(fd, path.stat().st_size, 64 * 2**20)
    av.logging.set_level(None)
    try:
        take_edits(media)
        with take_container(media) as container:
            return read_index(container, media)
    finally:
        os.close(fd)


def hidden_bytes(path: Path) -> int:
    """Bytes of no stream."""
    return unseen_bytes(path).get("hidden", 0)


def unseen_bytes(path: Path) -> dict[str, int]:
    """By kind: bytes of what nobody looks at."""
    found: dict[str, int] = {}
    for track in indexed_here(path).unseen:
        found[track.kind] = found.get(track.kind, 0) + track.size_bytes
    return found
