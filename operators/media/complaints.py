"""What FFmpeg says about the media while it decodes. Decoder process only.

Most codecs hide damage: the picture comes out, grey or smeared, without an error and without a flag. They do say so in
FFmpeg's log. Not every line there is about a picture: cameras write notes and parameters that FFmpeg cannot read beside
pictures that it decodes in full.
"""

from __future__ import annotations

import re

import av.logging

BESIDE_PICTURES = re.compile(
    r"EXIF|TIFF header|APP fields|app: invalid len"  # notes of cameras in each picture of Motion JPEG
    r"|SEI type|in buffering period"  # messages beside the pictures of H.264
    r"|vps_reserved|SPS \d+ does not exist|[sp]ps_id \d+ out of range|illegal POC type|Too many default refs in PPS"
    r"|mmco: unref short failure|number of reference frames .* exceeds max"  # which to forget, not what to show
    r"|overread, skip"  # MP3 that begins in the middle
)
"""What is said of notes and of parameter sets. Where pictures do hang on one of those, their packets fail."""


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
        """Whether anything was said about pictures or sound since the last `forget`."""
        return any(not BESIDE_PICTURES.search(text) for _, _, text in self._lines or ())
