"""Compares the bytes with the event's SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import os

from operators.errors import THIS_MACHINE, InvalidMedia, MachineUnavailable
from operators.media.sources.opened_source import OpenedSource

_PIECE_BYTES = 2**20


async def require_checksum(source: OpenedSource, sha256: str) -> None:
    """Fetch all bytes and compare.

    Raises:
        InvalidMedia: media-checksum, or the errors of `OpenedSource.ensure`.
        SourceUnavailable: see `OpenedSource.ensure`.
        MachineUnavailable: this machine cannot read the file now.
    """
    await source.ensure(0, source.size_bytes)
    try:
        found = await asyncio.to_thread(_sha256, os.dup(source.fd), source.size_bytes)
    except OSError as error:  # it is open: a failed read is not the media's fault
        raise MachineUnavailable(THIS_MACHINE, f"{source.name} is open and cannot be read: {error.strerror}") from error
    if found != sha256:
        raise InvalidMedia("media-checksum", f"{source.name} has SHA-256 {found}; the event says {sha256}")


def _sha256(fd: int, size_bytes: int) -> str:
    """Hash through a descriptor of our own, because the source may be closed before this thread is done."""
    digest = hashlib.sha256()
    try:
        for start in range(0, size_bytes, _PIECE_BYTES):
            digest.update(os.pread(fd, min(_PIECE_BYTES, size_bytes - start), start))
    finally:
        os.close(fd)
    return digest.hexdigest()
