"""Repeats an interrupted decode: agents get only the parts that they do not have yet."""

from __future__ import annotations

from collections.abc import Iterator

from operators.errors import InvalidMedia
from operators.media.ipc_messages import Done, FrameSlot, FramesReady, Reply


class DecodeReplay:
    """The messages of the decodes of one file, message by message, and frame by frame.

    Decoding is deterministic: the same file and plan give the same messages in the same order, though frames may be
    grouped differently.
    """

    def __init__(self) -> None:
        self._told: list[Reply | FrameSlot] = []
        self._position = 0

    def begin_again(self) -> None:
        """Start another decode of the same file."""
        self._position = 0

    def new_part(self, reply: Reply) -> Reply | None:
        """Return the part of a message that no earlier decode has sent; None without one.

        Raises:
            InvalidMedia: it differs from the earlier decode: the file has changed meanwhile.
        """
        if isinstance(reply, Done):
            return self._last(reply)
        new = [part for part in _parts(reply) if self._is_new(part)]
        if not new:
            return None
        return FramesReady(tuple(_frames(new))) if isinstance(reply, FramesReady) else reply

    def _last(self, reply: Done) -> Done:
        if self._position < len(self._told):
            raise _changed()
        return reply

    def _is_new(self, part: Reply | FrameSlot) -> bool:
        position, self._position = self._position, self._position + 1
        if position == len(self._told):
            self._told.append(part)
            return True
        if self._told[position] != part:
            raise _changed()
        return False


def _parts(reply: Reply) -> tuple[Reply | FrameSlot, ...]:
    return reply.frames if isinstance(reply, FramesReady) else (reply,)


def _frames(parts: list[Reply | FrameSlot]) -> Iterator[FrameSlot]:
    return (part for part in parts if isinstance(part, FrameSlot))


def _changed() -> InvalidMedia:
    return InvalidMedia("media-changed", "decoded a second time, after a kill from outside, it is not what it was")
