"""FFmpeg's log messages during decoding. Decoder process only.

Most codecs conceal damage: the picture is decoded, grey or smeared, without an error and without a flag, but FFmpeg
logs it. Not every log line is about a picture: cameras write notes and parameters that FFmpeg cannot parse, although it
decodes every picture.
"""

from __future__ import annotations

import re

import av.logging

NOT_ABOUT_PICTURES = re.compile(
    r"EXIF|TIFF header|APP fields|app: invalid len"  # notes of cameras in each picture of Motion JPEG
    r"|SEI type|in buffering period"  # messages with the pictures of H.264
    r"|vps_reserved|SPS \d+ does not exist|[sp]ps_id \d+ out of range|illegal POC type|Too many default refs in PPS"
    r"|mmco: unref short failure|number of reference frames .* exceeds max"  # which to forget, not what to show
    r"|overread, skip"  # MP3 that begins in the middle
)
"""Messages about notes and parameter sets. If pictures depend on one of those, their packets fail."""


class Complaints:
    """Collects errors in FFmpeg's log, from `listen` to `close`; nothing reaches any other log meanwhile."""

    def __init__(self) -> None:
        self._capture = av.logging.Capture(local=True)
        self._lines: list[tuple[int, str, str]] | None = None

    def listen(self) -> None:
        """Start; has no effect if already started."""
        if self._lines is None:
            av.logging.set_level(av.logging.ERROR)
            av.logging.set_skip_repeated(False)  # otherwise the second of two broken packets logs nothing
            self._lines = self._capture.__enter__()

    def close(self) -> None:
        """Stop; has no effect if already stopped."""
        if self._lines is not None:
            self._capture.__exit__(None, None, None)
            self._lines = None
            av.logging.set_level(None)
            av.logging.set_skip_repeated(True)

    def forget(self) -> None:
        """Discard messages up to now."""
        if self._lines:
            self._lines.clear()

    def were_made(self) -> bool:
        """Return whether anything was logged about pictures or sound since the last `forget`."""
        return bool(self._lines) and any(not NOT_ABOUT_PICTURES.search(text) for _, _, text in self._lines or ())
