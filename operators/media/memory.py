"""The shared memory of one decode, from the parent's side."""

from __future__ import annotations

import fcntl
import os

from operators.media.layout import MediaMemory, MemoryLayout


class SharedMemory:
    """Anonymous memory that a decoder process writes and this process only reads.

    It has no name: when the last mapping and descriptor are closed it is freed, whichever process was killed.
    """

    def __init__(self, max_bytes: int) -> None:
        self.fd = os.memfd_create("media", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._max_bytes = max_bytes

    def read(self, layout: MemoryLayout) -> MediaMemory:
        """Map the memory that the decoder process has sized.

        Raises:
            ValueError: The size differs from the layout, or exceeds the limit.
        """
        # Sealed before it is measured: if it were truncated while it is mapped, reading it would end this process.
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        size = os.fstat(self.fd).st_size
        if not layout.capacity_bytes == size <= self._max_bytes:
            raise ValueError(f"{size} bytes, wanted {layout.capacity_bytes}, at most {self._max_bytes}")
        return MediaMemory(self.fd, layout, writable=False)

    def close(self) -> None:
        """Close the descriptor; mappings stay valid."""
        os.close(self.fd)
