"""Polls one video in Redis, from a command that does something else meanwhile."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Final, Self

from ops.cli.console import err
from ops.cli.quick_read import ANSWER_SECONDS
from ops.cli.upload_ending import SenderReading, read_for_sender
from streams.config.settings import Settings
from streams.store.keys import Keys
from streams.store.quick_reads import NoAnswer, QuickReads, answer_of

_BETWEEN_SECONDS: Final = 1.0


class SenderLooks:
    """Reads a video at most once per second; an unavailable Redis is reported once, and asked again.

    Args:
        settings: address of the store.
        video_id: None if there is nothing to poll.
    """

    def __init__(self, settings: Settings, video_id: str | None) -> None:
        self._settings = settings
        self._video_id = video_id
        self._next_seconds = 0.0
        self._is_told = False
        self._store = QuickReads(settings, ANSWER_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        answer_of(self._store.aclose())

    def next(self) -> SenderReading | None:
        """Return the next reading; None if it is too soon, or Redis does not answer."""
        if self._video_id is None or monotonic() < self._next_seconds:
            return None
        self._next_seconds = monotonic() + _BETWEEN_SECONDS
        try:
            return answer_of(self._read(self._video_id))
        except NoAnswer as error:
            self._tell(error)
            return None

    async def _read(self, video_id: str) -> SenderReading:
        return await read_for_sender(self._store, Keys(self._settings.topic_prefix), video_id)

    def _tell(self, error: NoAnswer) -> None:
        if not self._is_told:
            self._is_told = True
            err.print(f"Redis does not answer, so refusals are not seen: {error}", markup=False, soft_wrap=True)
