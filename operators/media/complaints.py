"""What FFmpeg says about the media while it decodes. Decoder process only.

Most codecs hide damage: the picture comes out, grey or smeared, without an error and without a flag. They do say so in
FFmpeg's log.
"""

from __future__ import annotations

import av.logging


class Complaints:
    """Listens to errors in FFmpeg's log, from `listen` to `close`; nothing reaches any other log meanwhile."""

    def __init__(self) -> None:
        self._capture = av.logging.Capture(local=True)
        self._lines: list[tuple[int, str, str]] | None = None

    def listen(self) -> None:
        """Begin; harmless when begun."""
        if self._lines is None:
            av.logging.set_level(av.logging.ERROR)
            av.logging.set_skip_repeated(False)  # else the second of two broken packets says nothing
            self._lines = self._capture.__enter__()

    def close(self) -> None:
        """End; harmless when ended."""
        if self._lines is not None:
            self._capture.__exit__(None, None, None)
            self._lines = None
            av.logging.set_level(None)
            av.logging.set_skip_repeated(True)

    def forget(self) -> None:
        """What was said up to now is of no interest."""
        if self._lines:
            self._lines.clear()

    def were_made(self) -> bool:
        """Whether anything was said since the last `forget`."""
        return bool(self._lines)
