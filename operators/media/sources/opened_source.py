"""An open source: bytes in a local file, all of them or as they are requested."""

from __future__ import annotations

from typing import Protocol


class OpenedSource(Protocol):
    """Media that passed the checks and can be read through `fd`, as far as it was ensured.

    A local file is complete from the start. A fetched object is in a sparse file: a byte that was not ensured reads as
    zero.
    """

    @property
    def fd(self) -> int:
        """Descriptor to read from; closed by this object."""

    @property
    def size_bytes(self) -> int:
        """Length of the whole media."""

    @property
    def name(self) -> str:
        """For messages: a path, or an address without its query."""

    @property
    def is_whole(self) -> bool:
        """Whether every byte is local."""

    @property
    def bytes_fetched(self) -> int:
        """Bytes received over a network so far; 0 for a file."""

    async def ensure(self, start: int, stop: int) -> None:
        """Return when bytes `[start, stop)` can be read from `fd`; calls may overlap.

        Raises:
            InvalidMedia: the media is at fault: missing, changed, truncated, too slow.
            SourceUnavailable: the origin does not answer now, after a few attempts.
            SpoolFull: the disk is full.
        """

    async def aclose(self) -> None:
        """Stop fetching and release the room; call once."""
